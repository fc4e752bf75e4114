// FilesystemLock and DeferredFilesystemLock: one process at a time, by a symbolic link.
#pragma once

#include <chrono>
#include <optional>
#include <source_location>
#include <string>
#include <system_error>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// The system does not let a FilesystemLock be taken or given back: the directory is not there or
/// not writable, something else stands in the lock's place, somebody took it away.
class MARLINE_API FilesystemLockError : public Error {
public:
    FilesystemLockError(const std::string& what, std::error_code why)
        : Error(what + ": " + why.message()), code_(why) {}

    /// What the system said.
    std::error_code code() const noexcept { return code_; }

private:
    std::error_code code_;
};

/// A second deferUntilLocked() while the first one waits (Twisted: `AlreadyTryingToLockError`).
class MARLINE_API AlreadyTryingToLockError : public Error {
public:
    using Error::Error;
};

/// A lock among the processes of one host (Twisted: `lockfile.FilesystemLock`): a symbolic link
/// whose target is the holder's process id. Twisted's programs understand it, and it theirs.
///
/// The lock of a process that has died is taken over; marline's programs do so one at a time. A
/// process id that the system has given to another process meanwhile keeps the lock held. All
/// processes must see the same process ids: no lock reaches into another container.
class MARLINE_API FilesystemLock {
public:
    /// The lock at `name`, a path in a directory that exists; touches nothing yet. Throws
    /// std::invalid_argument when it ends with a slash.
    explicit FilesystemLock(std::string name);
    FilesystemLock(const FilesystemLock&) = delete;
    FilesystemLock& operator=(const FilesystemLock&) = delete;
    /// Gives the lock back when this holds it; what goes wrong then is logged.
    ~FilesystemLock();

    /// Tries to take the lock, and never waits; false when somebody holds it, be it this object, or
    /// when others were faster a hundred times.
    /// Throws FilesystemLockError when the system refuses.
    bool lock();
    /// Gives the lock back. Throws std::logic_error when this does not hold it, and
    /// FilesystemLockError when it has been taken away meanwhile.
    void unlock();

    /// True while this holds the lock.
    bool locked() const noexcept { return locked_; }
    /// False when the last lock() took over from a process that died with it, and may have left
    /// its work half done.
    bool clean() const noexcept { return clean_; }
    /// The path.
    const std::string& name() const noexcept { return name_; }

private:
    std::string name_;
    bool locked_ = false;
    bool clean_ = true;
};

/// True while somebody holds the lock at `name`, a process that lives (Twisted:
/// `lockfile.isLocked`). It takes the lock for a moment, so the one of a process that has died is
/// gone afterwards. Throws FilesystemLockError as FilesystemLock::lock() does.
MARLINE_API bool isLocked(const std::string& name);

/// A FilesystemLock that can be waited for (Twisted: `defer.DeferredFilesystemLock`).
///
///     DeferredFilesystemLock lock("/run/me.lock", reactor);
///     lock.deferUntilLocked(10s).addCallback([&] { …; lock.unlock(); });
///
/// It must not outlive its clock. A wait that is under way when it goes fails with DeferredLost.
class MARLINE_API DeferredFilesystemLock : public FilesystemLock {
public:
    /// How long it waits before it tries again.
    static constexpr Duration kInterval = std::chrono::seconds(1);

    DeferredFilesystemLock(std::string name, IReactorTime& clock);
    ~DeferredFilesystemLock();

    /// Fires when this holds the lock: at once, or at one of the attempts it makes every
    /// kInterval. Fails with TimeoutError when the attempt at the end of `timeout` fails as well,
    /// with FilesystemLockError when the system refuses, and with AlreadyTryingToLockError when
    /// another one waits. Cancelled it stops trying, and does not hold the lock.
    ///
    /// A negative `timeout` throws std::invalid_argument, and a call that its own end makes
    /// std::logic_error.
    Deferred<> deferUntilLocked(std::optional<Duration> timeout = std::nullopt,
                                std::source_location where = std::source_location::current());

private:
    void retryLater();
    void attempt(bool last);
    void stopWaiting();
    void finish(Failure failure);

    IReactorTime& clock_;
    Duration timeout_{};
    DelayedCall retry_;
    DelayedCall deadline_;
    std::optional<DeferredSource<>> waiting_;
    bool closing_ = false;
};

}  // namespace marline
