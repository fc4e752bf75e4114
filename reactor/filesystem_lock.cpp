#include <marline/reactor/filesystem_lock.hpp>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/unique_fd.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

[[noreturn]] void refuse(const std::string& what, int error) {
    throw FilesystemLockError(what, std::error_code(error, std::generic_category()));
}

/// The process that the link at `name` names; none when there is no link.
std::optional<pid_t> holderOf(const std::string& name) {
    std::array<char, 32> target{};
    const ssize_t size = ::readlink(name.c_str(), target.data(), target.size());
    if (size < 0 && errno == ENOENT) {
        return std::nullopt;
    }
    if (size < 0) {
        refuse("read the lock " + name, errno);
    }
    pid_t holder = 0;
    const char* end = target.data() + size;
    const auto read = std::from_chars(target.data(), end, holder);
    if (read.ec != std::errc() || read.ptr != end || holder <= 0) {
        refuse("read the lock " + name + ", a link that names no process", EINVAL);
    }
    return holder;
}

bool lives(pid_t process) noexcept { return ::kill(process, 0) == 0 || errno != ESRCH; }

/// Removes the link at `name` if it still names `dead`; false when another process is at it. Two
/// that found the same dead holder must not remove each other's new link, so they do it one after
/// the other: the directory is locked, by the kernel, for the moment.
bool removeStale(const std::string& name, pid_t dead) {
    const std::size_t slash = name.find_last_of('/');
    const std::string directory = slash == std::string::npos ? "." : name.substr(0, slash + 1);
    const detail::UniqueFd open(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!open) {
        refuse("take over the lock " + name + " in " + directory, errno);
    }
    if (::flock(open.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return false;
        }
        refuse("take over the lock " + name + " in " + directory, errno);
    }
    if (holderOf(name) == dead && ::unlink(name.c_str()) != 0 && errno != ENOENT) {
        refuse("take over the lock " + name, errno);
    }
    return true;
}

// Each attempt beyond the first means that another process gave the lock back just then.
constexpr int kMaxAttempts = 100;

std::string seconds(Duration duration) {
    std::string text = std::to_string(std::chrono::duration<double>(duration).count());
    text.erase(text.find_last_not_of('0') + 1);
    return text.back() == '.' ? text + "0" : text;
}

}  // namespace

FilesystemLock::FilesystemLock(std::string name) : name_(std::move(name)) {
    if (name_.empty() || name_.back() == '/') {
        throw std::invalid_argument("FilesystemLock(\"" + name_ +
                                    "\"): the name of a link is needed, not of a directory");
    }
}

FilesystemLock::~FilesystemLock() {
    if (!locked_) {
        return;
    }
    try {
        unlock();
    } catch (const std::exception& error) {
        log(LogLevel::Error, error.what());
    }
}

bool FilesystemLock::lock() {
    const std::string me = std::to_string(::getpid());
    bool clean = true;
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
        if (::symlink(me.c_str(), name_.c_str()) == 0) {
            locked_ = true;
            clean_ = clean;
            return true;
        }
        if (errno != EEXIST) {
            refuse("take the lock " + name_, errno);
        }
        const std::optional<pid_t> holder = holderOf(name_);
        if (!holder.has_value()) {
            continue;  // given back just now
        }
        if (lives(*holder) || !removeStale(name_, *holder)) {
            return false;
        }
        clean = false;
    }
    return false;  // others are faster
}

void FilesystemLock::unlock() {
    if (!locked_) {
        throw std::logic_error("unlock() of " + name_ + ", which this does not hold");
    }
    locked_ = false;
    // A process that was forked off has a copy of this, but the lock is its parent's.
    if (holderOf(name_) != ::getpid()) {
        refuse("give back the lock " + name_ + ", which is not this process's any more", EPERM);
    }
    if (::unlink(name_.c_str()) != 0) {
        refuse("give back the lock " + name_, errno);
    }
}

bool isLocked(const std::string& name) {
    FilesystemLock probe(name);
    if (!probe.lock()) {
        return true;
    }
    probe.unlock();
    return false;
}

DeferredFilesystemLock::DeferredFilesystemLock(std::string name, IReactorTime& clock)
    : FilesystemLock(std::move(name)), clock_(clock) {}

DeferredFilesystemLock::~DeferredFilesystemLock() {
    stopWaiting();
    closing_ = true;
    // Here and not with the members: its callbacks find a whole object.
    const std::optional<DeferredSource<>> lost = std::exchange(waiting_, std::nullopt);
}

Deferred<> DeferredFilesystemLock::deferUntilLocked(std::optional<Duration> timeout,
                                                    std::source_location where) {
    if (timeout.has_value() && *timeout < Duration::zero()) {
        throw std::invalid_argument("deferUntilLocked() of " + name() + " with a negative timeout");
    }
    if (closing_) {
        throw std::logic_error("deferUntilLocked() of " + name() + ", which is being destroyed");
    }
    if (waiting_.has_value()) {
        return fail(AlreadyTryingToLockError("deferUntilLocked() of " + name() +
                                             " while another one waits: give each its own "
                                             "DeferredFilesystemLock"),
                    where);
    }
    try {
        if (lock()) {
            return succeed(where);
        }
    } catch (const FilesystemLockError&) {
        return fail(Failure::current(), where);
    }
    DeferredSource<> source([this](Deferred<>) { finish(Failure::make<CancelledError>()); }, where);
    Deferred<> d = source.deferred();
    if (timeout.has_value()) {
        timeout_ = *timeout;
        deadline_ = clock_.callLater(*timeout, [this] { attempt(true); });
    }
    waiting_.emplace(std::move(source));
    retryLater();
    return d;
}

void DeferredFilesystemLock::retryLater() {
    retry_ = clock_.callLater(kInterval, [this] { attempt(false); });
}

void DeferredFilesystemLock::attempt(bool last) {
    try {
        if (lock()) {
            stopWaiting();
            DeferredSource<> source = std::move(*waiting_);
            waiting_.reset();
            source.callback();
        } else if (last) {
            finish(TimeoutError("the lock " + name() + " was not to be had within " +
                                seconds(timeout_) + " s"));
        } else {
            retryLater();
        }
    } catch (const FilesystemLockError&) {
        finish(Failure::current());
    }
}

void DeferredFilesystemLock::stopWaiting() {
    for (DelayedCall* call : {&retry_, &deadline_}) {
        if (call->active()) {
            call->cancel();
        }
    }
}

void DeferredFilesystemLock::finish(Failure failure) {
    stopWaiting();
    DeferredSource<> source = std::move(*waiting_);
    waiting_.reset();
    source.errback(std::move(failure));
}

}  // namespace marline
