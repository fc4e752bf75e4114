// Sends zeros over TLS on 127.0.0.1: `tls_bulk --port P --cert FILE --key FILE`, then
// `GET /BYTES` answers with that many. Stops on SIGTERM.
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/tls.hpp>

#include "arguments.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

using namespace marline;

/// Writes as fast as the transport takes it.
class Bulk final : public Protocol, public IProducer {
    void dataReceived(std::span<const std::byte> data) override {
        head_ += asText(data);
        if (head_.find("\r\n\r\n") == std::string::npos || left_ > 0) {
            return;
        }
        left_ =
            std::strtoull(head_.c_str() + std::min(head_.size(), sizeof "GET /" - 1), nullptr, 10);
        head_.clear();
        transport()->write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(left_) +
                           "\r\n\r\n");
        if (left_ > 0) {
            transport()->registerProducer(*this, Producing::Pull);
        }
    }
    void resumeProducing() override {
        static const std::array<std::byte, 64 * 1024> kZeros{};
        const std::size_t count = std::min(left_, kZeros.size());
        left_ -= count;
        transport()->write(std::span(kZeros).first(count));
        if (left_ == 0) {
            transport()->unregisterProducer();
        }
    }
    void pauseProducing() override {}
    void stopProducing() override { left_ = 0; }

    std::string head_;
    std::size_t left_ = 0;
};

int main(int argc, char** argv) {
    Reactor reactor;
    const TlsContext context =
        TlsContext::serverFromFiles(bench::argument(argc, argv, "--cert", "cert.pem"),
                                    bench::argument(argc, argv, "--key", "key.pem"));
    reactor.listenTcp(static_cast<std::uint16_t>(bench::number(argc, argv, "--port", 0)),
                      tlsServerFactory(context, reactor, makeFactory<Bulk>()),
                      {.interface = "127.0.0.1"});
    reactor.run();
}
