// Internal: not installed. The watches of one Inotify.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include <marline/deferred/ref.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/unique_fd.hpp>
#include <marline/reactor/inotify.hpp>

struct inotify_event;

namespace marline::detail {

/// An inotify descriptor and what is watched by it.
class InotifyWatches final : public LoopObject {
public:
    /// `slot` is where the user's handle keeps this; it is cleared when the reactor ends first.
    InotifyWatches(EventLoop& loop, InotifyWatches*& slot);

    void watch(const std::string& path, FileChange mask, Inotify::Callback callback,
               const WatchOptions& options);
    bool ignore(const std::string& path);
    bool watching(const std::string& path) const { return byPath_.contains(path); }
    std::size_t size() const noexcept { return byPath_.size(); }
    void close();

    void endOfTurn() override {}
    void shutDown(const Failure& why) override;
    std::string describe() const override;

private:
    /// One call of watch().
    struct Subscription : RefCounted {
        std::string root;
        FileChange mask = FileChange::None;
        bool recursive = false;
        bool over = false;
        Inotify::Callback callback;
    };
    /// One watch of the kernel's.
    struct Watched {
        std::string path;
        Ref<Subscription> owner;
    };

    ~InotifyWatches() override;

    static void ready(int fd, short what, void* self);
    void readEvents();
    void handle(const inotify_event& event, const char* name);
    void overflowed();
    void ended(const Watched& watched);
    void directoryCame(const Ref<Subscription>& owner, const FileEvent& event);
    void deliver(const Ref<Subscription>& owner, const FileEvent& event);

    int add(const std::string& path, const Ref<Subscription>& owner);
    void addBelow(const std::string& path, const Ref<Subscription>& owner,
                  std::vector<FileEvent>* found);
    void addLate(const std::string& path, const Ref<Subscription>& owner,
                 std::vector<FileEvent>* found);
    void forget(const std::string& path);
    void forgetTree(const std::string& path);

    InotifyWatches*& slot_;
    UniqueFd fd_;
    FdEvent event_;
    std::unordered_map<int, Watched> byNumber_;
    std::map<std::string, int> byPath_;
    bool closed_ = false;
};

}  // namespace marline::detail
