// Internal: not installed. Which content a file has.
#pragma once

#include <chrono>
#include <cstdint>

#include <sys/stat.h>

#include <marline/protocols/http/http_date.hpp>

namespace marline::http::detail {

/// Which file it is, and which content it has: as long as all of it is the same, so is that, but
/// for what changes within one tick of the file system's clock.
struct FileVersion {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::chrono::nanoseconds changed{};  // the content, since the epoch
    std::chrono::nanoseconds touched{};  // that, or who may read it; nobody can set it back

    static FileVersion of(const struct stat& info) noexcept {
        return {.device = info.st_dev,
                .inode = info.st_ino,
                .size = static_cast<std::uint64_t>(info.st_size),
                .changed = since(info.st_mtim),
                .touched = since(info.st_ctim)};
    }

    HttpTime lastModified() const {
        return HttpTime(std::chrono::floor<std::chrono::seconds>(changed));
    }

    friend bool operator==(const FileVersion&, const FileVersion&) = default;

private:
    static std::chrono::nanoseconds since(const timespec& time) noexcept {
        return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    }
};

}  // namespace marline::http::detail
