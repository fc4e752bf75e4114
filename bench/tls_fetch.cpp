// Fetches a small page over TLS, a connection for each: `tls_fetch --n 2000 --conc 8`.
//
// Prints one JSON line: the client's and the server's CPU per fetch with sessions resumed, with
// full handshakes, and on kept connections; and the share of connections that were resumed. The
// whole agent is in use.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include <marline/marline.hpp>
#include <marline/protocols/policies/protocol_wrapper.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/tls_connection.hpp>

#include "arguments.hpp"
#include "server_thread.hpp"

using namespace marline;

namespace {

std::atomic<long> handshakes = 0;
std::atomic<long> resumed = 0;

/// Looks at each handshake on the server.
class Counted final : public ProtocolWrapper {
public:
    using ProtocolWrapper::ProtocolWrapper;

    void handshakeCompleted() override {
        ++handshakes;
        resumed += transport()->tls()->resumed() ? 1 : 0;
        ProtocolWrapper::handshakeCompleted();
    }
};

class CountingFactory final : public WrappingFactory {
public:
    using WrappingFactory::WrappingFactory;

private:
    Ref<IProtocol> wrap(Ref<IProtocol> inner) override {
        return makeRef<Counted>(std::move(inner));
    }
};

[[noreturn]] void fail(const std::string& why) {
    std::fprintf(stderr, "tls_fetch: %s\n", why.c_str());
    std::exit(3);
}

/// Some fetches at a time, until there were enough.
class Fetches {
public:
    Fetches(Reactor& reactor, const AgentOptions& options, Uri uri)
        : reactor_(reactor), agent_(Agent(reactor, options)), uri_(std::move(uri)) {}

    void run(long count, long atOnce) {
        left_ = count;
        pending_ = std::min(atOnce, count);
        for (long i = pending_; i > 0; --i) {
            next();
        }
        while (pending_ > 0) {
            reactor_.iterate(std::chrono::seconds(10));
        }
    }

private:
    void next() {
        if (left_ == 0) {
            --pending_;
            return;
        }
        --left_;
        agent_.request("GET", uri_)
            .addCallback([](const Response& response) { return readBody(response); })
            .addCallbacks(
                [this](const std::string& page) {
                    if (page != "Hello, world!") {
                        fail("an unexpected page: " + page);
                    }
                    next();
                },
                [](const Failure& why) { fail(why.message()); });
    }

    Reactor& reactor_;
    RedirectAgent agent_;
    Uri uri_;
    long left_ = 0;
    long pending_ = 0;
};

/// Microseconds of CPU for one fetch.
struct Cost {
    double client;
    double server;
    double resumed;
};

struct Bench {
    testing::CertificateAuthority authority;
    testing::PemPair pair = authority.issue({.names = {"127.0.0.1"}});
    std::uint16_t withTickets = 0;
    std::uint16_t without = 0;

    void serve(Reactor& reactor) {
        auto site =
            makeRef<http::Site>(reactor, makeRef<http::Data>("Hello, world!", "text/plain"));
        const auto listen = [&](const TlsContext& context) {
            return reactor
                .listenTcp(0, tlsServerFactory(context, reactor, makeRef<CountingFactory>(site)),
                           {.interface = "127.0.0.1"})
                ->getHost()
                .port;
        };
        withTickets = listen(TlsContext::server(pair.certificate, pair.key));
        without = listen(TlsContext::server(pair.certificate, pair.key).sessionTickets(false));
    }
    Cost measure(bench::ServerThread& server, std::uint16_t port, bool kept, long count,
                 long atOnce) const {
        Reactor reactor;
        reactor.installClientTls(TlsContext::client().trustPem(authority.certificatePem()));
        AgentOptions options;
        options.persistent = kept;
        options.maxPerHost = static_cast<std::size_t>(atOnce);
        Fetches fetches(reactor, options,
                        Uri::parse("https://127.0.0.1:" + std::to_string(port) + "/").value());
        fetches.run(2 * atOnce, atOnce);  // to have sessions, and be warm
        handshakes = resumed = 0;
        const double client = bench::threadCpuSeconds();
        const double served = server.cpuSeconds();
        fetches.run(count, atOnce);
        const double scale = 1e6 / static_cast<double>(count);
        return {
            (bench::threadCpuSeconds() - client) * scale, (server.cpuSeconds() - served) * scale,
            handshakes > 0 ? static_cast<double>(resumed) / static_cast<double>(handshakes) : 0};
    }
};

}  // namespace

int main(int argc, char** argv) {
    const long count = bench::number(argc, argv, "--n", 2000);
    const long atOnce = std::max(bench::number(argc, argv, "--conc", 8), 1L);
    Bench setting;
    bench::ServerThread server([&](Reactor& reactor) { setting.serve(reactor); });
    const Cost full = setting.measure(server, setting.without, false, count, atOnce);
    const Cost again = setting.measure(server, setting.withTickets, false, count, atOnce);
    const Cost kept = setting.measure(server, setting.withTickets, true, count, atOnce);
    std::printf(
        "{\"resumed\":{\"cpu_us\":%.1f,\"server_cpu_us\":%.1f,\"share\":%.3f},"
        "\"full\":{\"cpu_us\":%.1f,\"server_cpu_us\":%.1f,\"share\":%.3f},"
        "\"kept\":{\"cpu_us\":%.1f,\"server_cpu_us\":%.1f}}\n",
        again.client, again.server, again.resumed, full.client, full.server, full.resumed,
        kept.client, kept.server);
    return 0;
}
