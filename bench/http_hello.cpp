// Answers `GET /` with `Hello, world!`: `http_hello --port P`. Stops on SIGTERM.
#include <marline/marline.hpp>

#include "arguments.hpp"

using namespace marline;

int main(int argc, char** argv) {
    Reactor reactor;
    auto site = makeRef<http::Site>(reactor, makeRef<http::Data>("Hello, world!", "text/plain"));
    reactor.listenTcp(static_cast<std::uint16_t>(bench::number(argc, argv, "--port", 0)), site,
                      {.interface = "127.0.0.1"});
    reactor.run();
}
