// Fuzzes both sides of SOCKS5: whatever the other side says, in whatever reads, means the same, and
// an attempt to connect ends with the connection.
#include <optional>
#include <string>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/socks/socks5.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>
#include <test/support/memory_pipe.hpp>

namespace {

using namespace marline;
using marline::testing::AccumulatingProtocol;
using marline::testing::demand;
using marline::testing::MemoryPipe;

/// Builds AccumulatingProtocols.
class Accumulating final : public IProtocolFactory {
public:
    Ref<IProtocol> buildProtocol(const Address&) override {
        built = makeRef<AccumulatingProtocol>();
        return built;
    }
    Ref<AccumulatingProtocol> built;
};

/// "Connects" to a protocol through a MemoryPipe, at once or when it is told to.
class PipeTo final : public IStreamClientEndpoint {
public:
    PipeTo(MemoryPipe& pipe, Ref<IProtocol> server, bool later)
        : pipe_(pipe), server_(std::move(server)), later_(later) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        factory_ = std::move(factory);
        if (!later_) {
            return succeed(join());
        }
        waiting_.emplace();
        return waiting_->deferred();
    }
    bool joined() const noexcept { return joined_; }
    void finish() {
        if (waiting_ && waiting_->pending()) {
            DeferredSource<Ref<IProtocol>> waiting = std::move(*waiting_);
            waiting_.reset();
            waiting.callback(join());
        }
    }

private:
    Ref<IProtocol> join() {
        Ref<IProtocol> client = factory_->buildProtocol(pipe_.client.getPeer());
        pipe_.connect(client, server_);
        joined_ = true;
        return client;
    }

    MemoryPipe& pipe_;
    Ref<IProtocol> server_;
    bool later_;
    bool joined_ = false;
    Ref<IProtocolFactory> factory_;
    std::optional<DeferredSource<Ref<IProtocol>>> waiting_;
};

/// What a server answers, and passes on, when a client says `reads`.
std::string serverTranscript(const std::vector<std::string_view>& reads, bool password) {
    testing::Clock clock;
    MemoryPipe outer;
    MemoryPipe inner;
    const auto target = makeRef<AccumulatingProtocol>();
    Ref<PipeTo> endpoint;
    std::string asked;
    SocksPolicy policy{.endpointFor = [&](const std::string& host, std::uint16_t port) {
        demand(!endpoint && asked.empty(), "a connection has one target");
        asked = host + ' ' + std::to_string(port);
        if (host.starts_with('n')) {
            return Ref<IStreamClientEndpoint>();
        }
        endpoint = makeRef<PipeTo>(inner, target, host.starts_with('l'));
        return Ref<IStreamClientEndpoint>(endpoint);
    }};
    if (password) {
        policy.mayUse = [](const SocksCredentials& who) { return who.password == "p"; };
    }
    const auto client = makeRef<AccumulatingProtocol>();
    outer.connect(client, socks5Factory(clock, std::move(policy))->buildProtocol({}));
    const auto settle = [&] {
        while (outer.step() || inner.step()) {
        }
    };
    for (const std::string_view read : reads) {
        client->write(read);
        settle();
    }
    if (endpoint) {
        endpoint->finish();
        settle();
        target->write("hello");
        settle();
    }
    std::string text = asked + '|' + outer.server.sent + '|' + target->data() + '|' +
                       (client->closed() ? "closed" : "open");
    outer.cut();
    if (endpoint && endpoint->joined()) {
        inner.cut();
    }
    demand(clock.pendingCalls() == 0, "no timer stays behind");
    return text;
}

/// What an endpoint sends, and what comes of it, when a proxy says `reads`.
std::string clientTranscript(const std::vector<std::string_view>& reads, bool password) {
    testing::Clock clock;
    MemoryPipe pipe;
    const auto proxy = makeRef<AccumulatingProtocol>();
    const auto factory = makeRef<Accumulating>();
    Socks5ClientEndpoint endpoint(
        clock, makeRef<PipeTo>(pipe, proxy, false), "host.test", 80,
        password ? std::optional(SocksCredentials{"me", "p"}) : std::nullopt);
    std::string outcome;
    endpoint.connect(factory).addBoth([&outcome](const Result<Ref<IProtocol>>& made) {
        outcome = made.ok() ? "connected" : made.failure().message();
    });
    for (const std::string_view read : reads) {
        pipe.run();
        proxy->write(read);
        pipe.run();
    }
    const std::string got = factory->built ? factory->built->data() : std::string();
    demand(factory->built || outcome != "connected", "a protocol is there when it is connected");
    std::string text = pipe.client.sent + '|' + got + '|' + (proxy->closed() ? "closed" : "open");
    pipe.cut();
    demand(!outcome.empty(), "an attempt ends with the connection");
    demand(marline::testing::isOneLine(outcome), "an error is one line");
    demand(clock.pendingCalls() == 0, "no timer stays behind");
    return text + outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    const unsigned seed = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed, [&](const std::vector<std::string_view>& reads) {
            return choice % 2 == 0 ? serverTranscript(reads, choice % 4 == 2)
                                   : clientTranscript(reads, choice % 4 == 3);
        });
    return 0;
}
