// Echoes on 127.0.0.1: `tcp_echo --port P`. Stops on SIGTERM.
#include <marline/marline.hpp>

#include "arguments.hpp"

using namespace marline;

class Echo final : public Protocol {
    void dataReceived(std::span<const std::byte> data) override { transport()->write(data); }
};

int main(int argc, char** argv) {
    Reactor reactor;
    reactor.listenTcp(static_cast<std::uint16_t>(bench::number(argc, argv, "--port", 0)),
                      makeFactory<Echo>(), {.interface = "127.0.0.1"});
    reactor.run();
}
