#include <marline/agent/detail/whole_file.hpp>

#include <cerrno>
#include <cstdio>
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

}  // namespace

void writeWhole(const std::string& path, std::string_view text) {
    const std::string fresh = path + ".new";
    const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    std::FILE* opened = fd < 0 ? nullptr : ::fdopen(fd, "wb");
    if (opened == nullptr) {
        refuseFile(fresh);
    }
    File file(opened, &std::fclose);
    if (std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
        std::fclose(file.release()) != 0 || std::rename(fresh.c_str(), path.c_str()) != 0) {
        const int error = errno;
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
