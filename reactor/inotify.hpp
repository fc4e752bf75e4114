// Inotify: being told when files and directories change (Linux).
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <system_error>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/function.hpp>

namespace marline {

class Reactor;

namespace detail {
class InotifyWatches;
}

/// What can happen to a file: a set of bits, those of inotify(7) (Twisted: `IN_…`).
enum class FileChange : std::uint32_t {
    None = 0,
    Accessed = 0x1,       ///< Read.
    Modified = 0x2,       ///< Written or truncated.
    Attributes = 0x4,     ///< Its mode, owner, times or links changed.
    ClosedWritten = 0x8,  ///< Closed by somebody who could write: the file is whole now.
    ClosedRead = 0x10,    ///< Closed by somebody who could not.
    Opened = 0x20,
    MovedFrom = 0x40,     ///< Moved out of a watched directory, or renamed: the old name.
    MovedTo = 0x80,       ///< Moved into a watched directory, or renamed: the new name.
    Created = 0x100,      ///< In a watched directory.
    Deleted = 0x200,      ///< From a watched directory.
    DeletedSelf = 0x400,  ///< What is watched itself was deleted.
    MovedSelf = 0x800,    ///< What is watched itself was moved; its watch goes with it.
    Unmounted = 0x2000,   ///< Its file system is gone. Told whether asked for or not.
    Overflow = 0x4000,    ///< Events were lost: look at it all again. Always told.
    WatchEnded = 0x8000,  ///< The watch is over, as what it watched is gone. Always told.
    /// What changes a file or a directory's list (Twisted: `IN_WATCH_MASK`).
    Changes = Modified | Attributes | Created | Deleted | DeletedSelf | MovedSelf | Unmounted |
              MovedFrom | MovedTo
};

constexpr FileChange operator|(FileChange a, FileChange b) noexcept {
    return static_cast<FileChange>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
/// True when the sets have something in common.
constexpr bool operator&(FileChange a, FileChange b) noexcept {
    return (static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b)) != 0;
}

/// One thing that happened.
struct FileEvent {
    /// The path that is watched, with what is below it as far as it is known.
    std::string path;
    FileChange what = FileChange::None;
    /// It is about a directory.
    bool directory = false;
    /// The same number in the MovedFrom and the MovedTo of one rename, else 0.
    std::uint32_t cookie = 0;
};

/// Something cannot be watched. The message names it, and the knob when a limit is in the way.
class MARLINE_API InotifyError : public Error {
public:
    InotifyError(const std::string& what, std::error_code why)
        : Error(what + ": " + why.message()), code_(why) {}

    std::error_code code() const noexcept { return code_; }

private:
    std::error_code code_;
};

/// How a path is watched.
struct WatchOptions {
    /// Watch the directories below as well, and those that come; symbolic links are not followed.
    /// What is found in a directory that came is told as Created; of what comes at the very same
    /// time it may be told twice.
    bool recursive = false;
};

/// Watches files and directories (Twisted: `INotify`).
///
///     Inotify inotify(reactor);
///     inotify.watch("/etc/app", FileChange::ClosedWritten | FileChange::MovedTo,
///                   [](const FileEvent& event) { reload(event.path); });
///
/// Reactor thread only. Callbacks run from the loop; what they throw is logged. They may watch,
/// ignore, and destroy the Inotify. The end of a reactor's run ends every watch.
class MARLINE_API Inotify {
public:
    using Callback = UniqueFunction<void(const FileEvent&)>;

    /// Throws InotifyError when the system gives no inotify (fs.inotify.max_user_instances).
    explicit Inotify(Reactor& reactor,
                     std::source_location where = std::source_location::current());
    Inotify(const Inotify&) = delete;
    Inotify& operator=(const Inotify&) = delete;
    /// Ends every watch without a word.
    ~Inotify();

    /// Calls `callback` for what happens to `path`, as far as `mask` asks for it. With
    /// WatchOptions::recursive, a directory below that may not be read is logged and left out.
    ///
    /// Throws InotifyError when it cannot be watched (fs.inotify.max_user_watches), and
    /// std::invalid_argument when it is watched already, under whatever name: make another Inotify
    /// for that.
    void watch(const std::string& path, FileChange mask, Callback callback,
               const WatchOptions& options = {});
    /// Ends a watch, with all below when it was recursive: the callback is not called any more.
    /// False when watch() was not called with this path, or it is over.
    bool ignore(const std::string& path);

    /// True when `path` is watched, by itself or as a part of a recursive watch.
    bool watching(const std::string& path) const;
    /// How many watches the system keeps for this: one a directory.
    std::size_t watches() const noexcept;

private:
    friend class detail::InotifyWatches;

    detail::InotifyWatches* watches_ = nullptr;  // null once the reactor's run is over
};

}  // namespace marline
