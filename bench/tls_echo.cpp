// Echoes over TLS on 127.0.0.1: `tls_echo --port P --cert FILE --key FILE`. Stops on SIGTERM.
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/tls.hpp>

#include "arguments.hpp"

using namespace marline;

class Echo final : public Protocol {
    void dataReceived(std::span<const std::byte> data) override { transport()->write(data); }
};

int main(int argc, char** argv) {
    Reactor reactor;
    const TlsContext context =
        TlsContext::serverFromFiles(bench::argument(argc, argv, "--cert", "cert.pem"),
                                    bench::argument(argc, argv, "--key", "key.pem"));
    reactor.listenTcp(static_cast<std::uint16_t>(bench::number(argc, argv, "--port", 0)),
                      tlsServerFactory(context, reactor, makeFactory<Echo>()),
                      {.interface = "127.0.0.1"});
    reactor.run();
}
