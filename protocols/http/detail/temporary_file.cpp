#include <marline/protocols/http/detail/temporary_file.hpp>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace marline::http::detail {
namespace {

[[noreturn]] void failed(int error, const std::string& what) {
    throw std::system_error(error, std::system_category(), what);
}

/// For file systems that know no unnamed files.
UniqueFd namedAndRemoved(const std::string& folder) {
    std::string path = folder + "/marline.XXXXXX";
    UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
    if (!fd || ::unlink(path.c_str()) != 0) {
        failed(errno, "make a temporary file in " + folder);
    }
    return fd;
}

}  // namespace

UniqueFd temporaryFile(const std::string& folder) {
    const std::string where =
        folder.empty() ? std::filesystem::temp_directory_path().string() : folder;
    UniqueFd fd(::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    return fd ? std::move(fd) : namedAndRemoved(where);
}

void writeAll(int fd, std::string_view data) {
    while (!data.empty()) {
        const ssize_t wrote = ::write(fd, data.data(), data.size());
        if (wrote >= 0) {
            data.remove_prefix(static_cast<std::size_t>(wrote));
        } else if (errno != EINTR) {
            failed(errno, "write a file");
        }
    }
}

std::size_t readAt(int fd, char* to, std::size_t size, std::uint64_t offset) {
    for (;;) {
        const ssize_t got = ::pread(fd, to, size, static_cast<off_t>(offset));
        if (got > 0) {
            return static_cast<std::size_t>(got);
        }
        if (got == 0) {
            failed(EIO, "read a file that was cut meanwhile");
        }
        if (errno != EINTR) {
            failed(errno, "read a file");
        }
    }
}

}  // namespace marline::http::detail
