#include <marline/reactor/detail/inotify_watches.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <sys/inotify.h>
#include <unistd.h>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

static_assert(static_cast<std::uint32_t>(FileChange::Changes) ==
              (IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
               IN_UNMOUNT | IN_MOVED_FROM | IN_MOVED_TO));
static_assert(static_cast<std::uint32_t>(FileChange::Overflow) == IN_Q_OVERFLOW &&
              static_cast<std::uint32_t>(FileChange::WatchEnded) == IN_IGNORED &&
              static_cast<std::uint32_t>(FileChange::Accessed) == IN_ACCESS &&
              static_cast<std::uint32_t>(FileChange::ClosedWritten) == IN_CLOSE_WRITE &&
              static_cast<std::uint32_t>(FileChange::ClosedRead) == IN_CLOSE_NOWRITE &&
              static_cast<std::uint32_t>(FileChange::Opened) == IN_OPEN);

// What the kernel can be asked for; the rest it tells by itself.
constexpr std::uint32_t kAskable = IN_ALL_EVENTS;
// What a recursive watch needs to know for itself.
constexpr std::uint32_t kOfDirectories = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr FileChange kOfEntries =
    FileChange::Created | FileChange::Deleted | FileChange::MovedFrom | FileChange::MovedTo;
// Of a directory below a recursive watch its parent tells as well.
constexpr FileChange kOfSelf = FileChange::DeletedSelf | FileChange::MovedSelf;

UniqueFd openInotify() {
    UniqueFd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd) {
        const int error = errno;
        throw InotifyError(error == EMFILE ? "no inotify (raise fs.inotify.max_user_instances or "
                                             "ulimit -n)"
                                           : "no inotify",
                           lastError(error));
    }
    return fd;
}

std::string whyNotWatched(const std::string& path, int error) {
    return "cannot watch " + path + (error == ENOSPC ? " (raise fs.inotify.max_user_watches)" : "");
}

[[noreturn]] void alreadyWatched(const std::string& path) {
    throw std::invalid_argument("watch(" + path +
                                "): it, or what is below, is watched already; make another "
                                "Inotify for that");
}

bool isGone(int error) noexcept { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

}  // namespace

InotifyWatches::InotifyWatches(EventLoop& loop, InotifyWatches*& slot)
    : LoopObject(loop), slot_(slot), fd_(openInotify()), event_(loop, fd_.get(), &ready, this) {
    event_.watch(EV_READ);
}

InotifyWatches::~InotifyWatches() = default;

std::string InotifyWatches::describe() const {
    return "an inotify descriptor with " + std::to_string(size()) + " paths";
}

void InotifyWatches::close() {
    closed_ = true;
    event_.watch(0);
    fd_.reset();
    byNumber_.clear();
    byPath_.clear();
    bury();
}

void InotifyWatches::shutDown(const Failure&) {
    slot_ = nullptr;
    close();
}

// Adding and removing.

void InotifyWatches::watch(const std::string& path, FileChange mask, Inotify::Callback callback,
                           const WatchOptions& options) {
    if (!callback) {
        throw std::invalid_argument("watch(" + path + ") with an empty callback");
    }
    auto owner = makeRef<Subscription>();
    owner->root = path;
    owner->mask = mask | FileChange::Overflow | FileChange::WatchEnded | FileChange::Unmounted;
    owner->recursive = options.recursive;
    owner->callback = std::move(callback);
    const int error = byPath_.contains(path) ? EEXIST : add(path, owner);
    if (error == EEXIST) {
        alreadyWatched(path);
    }
    if (error != 0) {
        throw InotifyError(whyNotWatched(path, error), lastError(error));
    }
    if (options.recursive) {
        try {
            addBelow(path, owner, nullptr);
        } catch (const InotifyError& why) {
            forgetTree(path);
            if (why.code().value() == EEXIST) {
                alreadyWatched(path);
            }
            throw;
        }
    }
}

/// Asks the kernel for one watch; gives the error, or 0.
int InotifyWatches::add(const std::string& path, const Ref<Subscription>& owner) {
    std::uint32_t mask = static_cast<std::uint32_t>(owner->mask) & kAskable;
    mask |= IN_MASK_CREATE | IN_EXCL_UNLINK;
    if (owner->recursive) {
        mask |= kOfDirectories;
    }
    if (path != owner->root) {
        mask |= IN_ONLYDIR | IN_DONT_FOLLOW;
    }
    const int number = ::inotify_add_watch(fd_.get(), path.c_str(), mask);
    if (number < 0) {
        return errno;
    }
    byNumber_[number] = {path, owner};
    byPath_[path] = number;
    return 0;
}

/// Watches the directories below `path`, which is watched; puts what there is into `found`. Throws
/// InotifyError when a limit is reached.
void InotifyWatches::addBelow(const std::string& path, const Ref<Subscription>& owner,
                              std::vector<FileEvent>* found) {
    std::error_code unreadable;
    std::filesystem::directory_iterator entries(path, unreadable);
    for (; !unreadable && entries != std::filesystem::directory_iterator();
         entries.increment(unreadable)) {
        std::error_code ignored;
        const bool directory =
            entries->symlink_status(ignored).type() == std::filesystem::file_type::directory;
        const std::string below = entries->path().string();
        if (found != nullptr) {
            found->push_back({below, FileChange::Created, directory, 0});
        }
        if (!directory) {
            continue;
        }
        const bool known = byPath_.contains(below);
        const int error = known ? 0 : add(below, owner);
        if (error == 0 && (!known || byNumber_.at(byPath_.at(below)).owner == owner)) {
            addBelow(below, owner, found);
        } else if (error == EACCES) {
            log(LogLevel::Warning, whyNotWatched(below, error) + ": " + lastError(error).message());
        } else if (!isGone(error)) {
            const int reason = known ? EEXIST : error;
            throw InotifyError(whyNotWatched(below, reason), lastError(reason));
        }
    }
}

/// Watches a directory that came into a recursive watch. A limit that is reached then loses events.
void InotifyWatches::addLate(const std::string& path, const Ref<Subscription>& owner,
                             std::vector<FileEvent>* found) {
    try {
        const int error = byPath_.contains(path) ? 0 : add(path, owner);
        if (error == 0) {
            addBelow(path, owner, found);
        } else if (!isGone(error)) {
            throw InotifyError(whyNotWatched(path, error), lastError(error));
        }
    } catch (const InotifyError& error) {
        log(LogLevel::Error, error.what());
        deliver(owner, {path, FileChange::Overflow, true, 0});
    }
}

bool InotifyWatches::ignore(const std::string& path) {
    const auto found = byPath_.find(path);
    if (found == byPath_.end()) {
        return false;
    }
    const Ref<Subscription> owner = byNumber_.at(found->second).owner;
    if (owner->root != path) {
        return false;
    }
    owner->over = true;
    forgetTree(path);
    return true;
}

void InotifyWatches::forget(const std::string& path) {
    const auto found = byPath_.find(path);
    ::inotify_rm_watch(fd_.get(), found->second);
    byNumber_.erase(found->second);
    byPath_.erase(found);
}

/// Forgets `path` and what its subscription watches below.
void InotifyWatches::forgetTree(const std::string& path) {
    const auto first = byPath_.find(path);
    if (first == byPath_.end()) {
        return;
    }
    const Ref<Subscription> owner = byNumber_.at(first->second).owner;
    const std::string prefix = path.ends_with('/') ? path : path + "/";
    std::vector<std::string> below;
    for (auto at = byPath_.lower_bound(prefix);
         at != byPath_.end() && at->first.starts_with(prefix); ++at) {
        if (byNumber_.at(at->second).owner == owner) {
            below.push_back(at->first);
        }
    }
    for (const std::string& one : below) {
        forget(one);
    }
    if (byPath_.contains(path)) {
        forget(path);
    }
}

// Events.

void InotifyWatches::ready(int, short, void* self) {
    const ObjectCallback watched(*static_cast<InotifyWatches*>(self));
    guard("inotify", [self] { static_cast<InotifyWatches*>(self)->readEvents(); });
}

void InotifyWatches::readEvents() {
    const std::span<std::byte> buffer = loop().readBuffer();
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    std::span<const std::byte> rest = buffer.first(got > 0 ? static_cast<std::size_t>(got) : 0);
    while (!closed_ && rest.size() >= sizeof(inotify_event)) {
        inotify_event event{};
        std::memcpy(&event, rest.data(), sizeof event);
        const auto* name = reinterpret_cast<const char*>(rest.data() + sizeof event);
        rest = rest.subspan(sizeof event + event.len);
        handle(event, event.len > 0 ? name : "");
    }
}

void InotifyWatches::handle(const inotify_event& event, const char* name) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
        overflowed();
        return;
    }
    const auto found = byNumber_.find(event.wd);
    if (found == byNumber_.end()) {
        return;  // of a watch that was removed meanwhile
    }
    const Watched watched = found->second;
    if ((event.mask & IN_IGNORED) != 0) {
        ended(watched);
        return;
    }
    FileEvent told;
    told.path = watched.path;
    if (*name != '\0') {
        told.path += watched.path.ends_with('/') ? "" : "/";
        told.path += name;
    }
    told.what = static_cast<FileChange>(event.mask & (IN_ALL_EVENTS | IN_UNMOUNT));
    told.directory = (event.mask & IN_ISDIR) != 0;
    told.cookie = event.cookie;
    if ((told.what & kOfSelf) && watched.path != watched.owner->root) {
        return;
    }
    if (watched.owner->recursive && told.directory && *name != '\0' && (told.what & kOfEntries)) {
        if ((told.what & FileChange::Created) && byPath_.contains(told.path)) {
            return;  // found, and told, when its parent came
        }
        // Also at MovedTo: it may have taken the place of another one.
        forgetTree(told.path);
        if (told.what & (FileChange::Created | FileChange::MovedTo)) {
            directoryCame(watched.owner, told);
            return;
        }
    }
    deliver(watched.owner, told);
}

void InotifyWatches::directoryCame(const Ref<Subscription>& owner, const FileEvent& event) {
    std::vector<FileEvent> found;
    addLate(event.path, owner, &found);
    deliver(owner, event);
    for (const FileEvent& below : found) {
        deliver(owner, below);
    }
}

/// The kernel has ended a watch: what it watched is gone.
void InotifyWatches::ended(const Watched& watched) {
    byNumber_.erase(byPath_.at(watched.path));
    byPath_.erase(watched.path);
    if (watched.path == watched.owner->root) {
        deliver(watched.owner, {watched.path, FileChange::WatchEnded, false, 0});
        watched.owner->over = true;
    }
}

void InotifyWatches::overflowed() {
    std::vector<Ref<Subscription>> owners;
    for (const auto& [number, watched] : byNumber_) {
        if (watched.path == watched.owner->root) {
            owners.push_back(watched.owner);
        }
    }
    for (const Ref<Subscription>& owner : owners) {
        if (closed_ || owner->over) {
            continue;
        }
        if (owner->recursive) {
            addLate(owner->root, owner, nullptr);  // the directories whose coming was lost
        }
        deliver(owner, {owner->root, FileChange::Overflow, false, 0});
    }
}

void InotifyWatches::deliver(const Ref<Subscription>& owner, const FileEvent& event) {
    if (!closed_ && !owner->over && (event.what & owner->mask)) {
        guard("an Inotify callback", [&] { owner->callback(event); });
    }
}

}  // namespace marline::detail
