#include <marline/agent/detail/whole_file.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <marline/deferred/errors.hpp>

namespace marline::detail {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

[[noreturn]] void refuseFile(const std::string& path) {
    throw std::system_error(errno, std::system_category(), "cannot write " + path);
}

bool writeAll(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

void writeWhole(const std::string& path, std::string_view text) {
    // A name that nobody can have put there before.
    std::string fresh = path + ".XXXXXX";
    const int fd = ::mkostemp(fresh.data(), O_CLOEXEC);
    if (fd < 0) {
        refuseFile(path);
    }
    bool done = writeAll(fd, text) && ::fsync(fd) == 0;
    int error = errno;
    if (::close(fd) != 0 && done) {
        done = false;
        error = errno;
    }
    if (done && std::rename(fresh.c_str(), path.c_str()) != 0) {
        done = false;
        error = errno;
    }
    if (!done) {
        ::unlink(fresh.c_str());
        errno = error;
        refuseFile(path);
    }
}

Result<std::string> readWhole(const std::string& path, std::string_view what) {
    const auto refuse = [&] {
        return Failure(std::system_error(errno, std::system_category(),
                                         "cannot read " + std::string(what) + " of " + path));
    };
    const File file(std::fopen(path.c_str(), "rbe"), &std::fclose);
    if (!file) {
        return refuse();
    }
    std::string text;
    std::string piece(std::size_t{64} << 10, '\0');
    while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), file.get())) {
        if (text.size() + count > kMaxStoreFileBytes) {
            return Failure::make<Error>(path + " has more than the " +
                                        std::to_string(kMaxStoreFileBytes) + " bytes that " +
                                        std::string(what) + " may have");
        }
        text.append(piece, 0, count);
    }
    if (std::ferror(file.get()) != 0) {
        return refuse();
    }
    return text;
}

}  // namespace marline::detail
