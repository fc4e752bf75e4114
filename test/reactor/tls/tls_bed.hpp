// TlsBed: a TLS client and a TLS server on a MemoryPipe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/tls.hpp>
#include <marline/reactor/tls_connection.hpp>

#include <support/memory_pipe.hpp>
#include <support/recording_protocol.hpp>

namespace marline::testing {

inline constexpr const char* kHost = "server.test";

/// An authority that all tests of a binary share: keys take time.
inline const CertificateAuthority& authority() {
    static const CertificateAuthority ca;
    return ca;
}
inline const PemPair& serverPair() {
    static const PemPair pair = authority().issue({.names = {kHost}});
    return pair;
}
inline TlsContext serverContext() {
    return TlsContext::server(serverPair().certificate, serverPair().key);
}
inline TlsContext clientContext() {
    TlsContext context = TlsContext::client();
    context.trustPem(authority().certificatePem());
    return context;
}

/// "Connects" to a server factory through a MemoryPipe.
class PipeEndpoint final : public IStreamClientEndpoint {
public:
    PipeEndpoint(MemoryPipe& pipe, Ref<IProtocolFactory> server)
        : pipe_(pipe), server_(std::move(server)) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        Ref<IProtocol> client = maybeBuild(*factory);
        pipe_.connect(client, server_->buildProtocol(pipe_.client.getHost()));
        return succeed(client);
    }

private:
    Ref<IProtocol> maybeBuild(IProtocolFactory& factory) {
        return factory.buildProtocol(pipe_.client.getPeer());
    }

    MemoryPipe& pipe_;
    Ref<IProtocolFactory> server_;
};

/// Both sides, and what came of connect().
class TlsBed {
public:
    explicit TlsBed(TlsContext clientTls = clientContext(), TlsContext serverTls = serverContext(),
                    std::string host = kHost)
        : clientContext_(std::move(clientTls)), serverContext_(std::move(serverTls)),
          host_(std::move(host)) {}

    /// Begins; what was prepared in `clients` and `servers` is used.
    void begin() {
        auto endpoint = makeRef<PipeEndpoint>(
            pipe, tlsServerFactory(serverContext_, clock, servers, kTlsHandshakeTimeout));
        connecting = wrapClientTls(clock, clientContext_, host_, endpoint)->connect(clients);
        connecting->addCallbacks([this](const Ref<IProtocol>& made) { protocol = made; },
                                 [this](const Failure& why) { failure = why; });
    }
    /// Begins and goes on until nothing moves.
    void run() {
        begin();
        pipe.run();
    }

    /// What TLS knows, on either side.
    const ITlsConnection& clientTls() { return *client().transport->tls(); }
    const ITlsConnection& serverTls() { return *server().transport->tls(); }
    RecordingProtocol& client() { return *clients->built.at(0); }
    RecordingProtocol& server() { return *servers->built.at(0); }
    /// True when both have got through.
    bool stands() { return protocol && server().made == 1 && !server().lost; }
    std::string refusal() const { return failure ? failure->message() : "no refusal"; }

    testing::Clock clock;
    Ref<RecordingFactory> clients = makeRef<RecordingFactory>();
    Ref<RecordingFactory> servers = makeRef<RecordingFactory>();
    std::optional<Deferred<Ref<IProtocol>>> connecting;
    Ref<IProtocol> protocol;
    std::optional<Failure> failure;
    MemoryPipe pipe;

private:
    TlsContext clientContext_;
    TlsContext serverContext_;
    std::string host_;
};

/// How many TLS records of application data `bytes` holds (RFC 8446 §5.1).
inline int countRecords(std::string_view bytes) {
    int count = 0;
    while (bytes.size() >= 5) {
        const std::size_t length = static_cast<unsigned char>(bytes[3]) * std::size_t{256} +
                                   static_cast<unsigned char>(bytes[4]);
        count += bytes[0] == 23 ? 1 : 0;
        bytes.remove_prefix(std::min(bytes.size(), 5 + length));
    }
    return count;
}

}  // namespace marline::testing
