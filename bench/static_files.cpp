// Serves files of 1 KiB, 1 MiB and, sparse, 1 GiB as /1k, /1m and /1g with http::File:
// `static_files --port P --folder DIR`, which are made in DIR when they are not there. Prints its
// URL; stops on SIGTERM. `beside.py` runs it beside nginx.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <marline/marline.hpp>

#include "arguments.hpp"
#include "process.hpp"

using namespace marline;

namespace {

/// Makes the file unless it is there: written to `size` bytes, or a hole of them.
void makeFile(const std::string& path, std::size_t size, bool hole) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file && errno == EEXIST) {
        return;
    }
    const std::string text(hole ? 0 : size, 'x');
    if (!file || ::ftruncate(file.get(), hole ? static_cast<off_t>(size) : 0) != 0 ||
        ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        throw std::system_error(errno, std::system_category(), "make " + path);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::string folder = bench::argument(argc, argv, "--folder", ".");
    makeFile(folder + "/1k", std::size_t{1} << 10, false);
    makeFile(folder + "/1m", std::size_t{1} << 20, false);
    makeFile(folder + "/1g", std::size_t{1} << 30, true);
    bench::raiseDescriptors();
    Reactor reactor;
    auto site = makeRef<http::Site>(reactor, makeRef<http::File>(folder));
    const auto port =
        reactor.listenTcp(static_cast<std::uint16_t>(bench::number(argc, argv, "--port", 0)), site,
                          {.interface = "127.0.0.1"});
    std::printf("http://%s/\n", port->getHost().toString().c_str());
    std::fflush(stdout);
    reactor.run();
}
