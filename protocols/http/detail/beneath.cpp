#include <marline/protocols/http/detail/beneath.hpp>

#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace marline::http::detail {
namespace {

// Not to wait for a FIFO's other end.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

/// How many bytes the UTF-8 sequence at the front has; 0 for none (RFC 3629).
std::size_t sequenceLength(std::string_view text) noexcept {
    const auto at = [text](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto follows = [&at](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
    const unsigned lead = at(0);
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        return follows(1) ? 2 : 0;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        const bool bad = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f);
        return !bad && follows(1) && follows(2) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        const bool bad = (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f);
        return !bad && follows(1) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

bool isUtf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t length = sequenceLength(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

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
            !isUtf8(segment) || (!hidden && isHidden(segment))) {
            return false;
        }
        path.append(path.empty() ? "" : "/").append(segment);
    }
    return true;
}

}  // namespace marline::http::detail
