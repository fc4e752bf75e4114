#include <marline/reactor/inotify.hpp>

#include <utility>

#include <marline/reactor/detail/inotify_watches.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {

Inotify::Inotify(Reactor& reactor, std::source_location where) {
    detail::EventLoop& loop = reactor.parts().loop;
    const detail::SiteScope site(loop, where);
    watches_ = new detail::InotifyWatches(loop, watches_);
}

Inotify::~Inotify() {
    if (watches_ != nullptr) {
        watches_->close();
    }
}

void Inotify::watch(const std::string& path, FileChange mask, Callback callback,
                    const WatchOptions& options) {
    if (watches_ == nullptr) {
        throw InotifyError("cannot watch " + path + " (the reactor's run is over)",
                           std::make_error_code(std::errc::bad_file_descriptor));
    }
    watches_->watch(path, mask, std::move(callback), options);
}

bool Inotify::ignore(const std::string& path) {
    return watches_ != nullptr && watches_->ignore(path);
}

bool Inotify::watching(const std::string& path) const {
    return watches_ != nullptr && watches_->watching(path);
}

std::size_t Inotify::watches() const noexcept { return watches_ != nullptr ? watches_->size() : 0; }

}  // namespace marline
