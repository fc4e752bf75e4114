#include <marline/protocols/http/detail/beneath.hpp>

#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <marline/protocols/detail/text.hpp>

namespace marline::http::detail {
namespace {

// Not to wait for a FIFO's other end.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

}  // namespace

UniqueFd openBeneath(int root, const std::string& path) noexcept {
    open_how how{};
    how.flags = kFlags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd < 0 && errno == ENOSYS) {
        return openWithoutLinks(root, path);
    }
    return UniqueFd(static_cast<int>(fd));
}

UniqueFd openWithoutLinks(int root, std::string_view path) noexcept {
    UniqueFd folder;
    int at = root;
    for (;;) {
        const std::size_t slash = path.find('/');
        const std::string name(path.substr(0, slash));
        if (name == "..") {
            errno = EXDEV;
            return {};
        }
        const bool last = slash == std::string_view::npos;
        UniqueFd next(
            ::openat(at, name.c_str(),
                     last ? kFlags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (last || !next) {
            return next;
        }
        folder = std::move(next);
        at = folder.get();
        path.remove_prefix(slash + 1);
    }
}

bool isHidden(std::string_view name) noexcept {
    return name.starts_with('.') && name != ".well-known";
}

bool joinSegments(std::span<const std::string> segments, bool hidden, std::string& path) {
    for (const std::string& segment : segments) {
        if (segment.empty() || segment == "." || segment == ".." ||
            segment.find_first_of(std::string_view("/\0", 2)) != std::string::npos ||
            !marline::detail::isUtf8(segment) || (!hidden && isHidden(segment))) {
            return false;
        }
        path.append(path.empty() ? "" : "/").append(segment);
    }
    return true;
}

}  // namespace marline::http::detail
