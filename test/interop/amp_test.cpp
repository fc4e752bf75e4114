// AMP with Twisted at the other end.
#include <marline/protocols/amp/amp.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <marline/reactor/endpoints.hpp>

#include <test/interop/peer_program.hpp>
#include <test/reactor/tls/tls_bed.hpp>
#include <test/support/deferred_outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace marline::amp {
namespace {

using namespace std::chrono_literals;
using marline::testing::Outcome;

class ZeroDivision : public Error {
public:
    using Error::Error;
};

struct Divide {
    static constexpr std::string_view kCommandName = "Divide";
    std::int64_t numerator = 0;
    std::int64_t denominator = 1;
    static constexpr auto fields() {
        return amp::fields("numerator", &Divide::numerator, "denominator", &Divide::denominator);
    }
    struct Response {
        double result = 0;
        static constexpr auto fields() { return amp::fields("result", &Response::result); }
    };
    static constexpr auto errors() { return std::tuple(amp::error<ZeroDivision>("ZERO_DIVISION")); }
};

struct Row {
    std::string name;
    std::optional<std::int32_t> size;
    static constexpr auto fields() { return amp::fields("name", &Row::name, "size", &Row::size); }
    friend bool operator==(const Row&, const Row&) = default;
};

struct Everything {
    static constexpr std::string_view kCommandName = "Everything";
    bool flag = false;
    std::string text;
    std::string bytes;
    DateTime when;
    std::vector<std::int32_t> numbers;
    std::vector<Row> rows;
    std::optional<std::int32_t> missing;
    static constexpr auto fields() {
        return amp::fields("flag", &Everything::flag, "text", &Everything::text, "bytes",
                           &Everything::bytes, "when", &Everything::when, "numbers",
                           &Everything::numbers, "rows", &Everything::rows, "missing",
                           &Everything::missing);
    }
    using Response = Everything;
    friend bool operator==(const Everything&, const Everything&) = default;
};

struct Fail {
    static constexpr std::string_view kCommandName = "Fail";
    static constexpr auto fields() { return amp::fields(); }
};

struct Missing {
    static constexpr std::string_view kCommandName = "Missing";
    static constexpr auto fields() { return amp::fields(); }
};

struct Tick {
    static constexpr std::string_view kCommandName = "Tick";
    static constexpr bool kRequiresAnswer = false;
    std::int32_t count = 0;
    static constexpr auto fields() { return amp::fields("count", &Tick::count); }
};

struct Ticks {
    static constexpr std::string_view kCommandName = "Ticks";
    static constexpr auto fields() { return amp::fields(); }
    struct Response {
        std::int32_t count = 0;
        static constexpr auto fields() { return amp::fields("count", &Response::count); }
    };
};

class Peer final : public Amp {
public:
    Peer() {
        responder<Divide>([](const Divide& what) {
            if (what.denominator == 0) {
                throw ZeroDivision("so it is");
            }
            return Divide::Response{static_cast<double>(what.numerator) /
                                    static_cast<double>(what.denominator)};
        });
        responder<Everything>([](const Everything& all) { return all; });
        responder<Fail>([](const Fail&) { throw std::runtime_error("secret"); });
        responder<Tick>([this](const Tick& tick) { ticks_ += tick.count; });
        responder<Ticks>([this](const Ticks&) { return Ticks::Response{ticks_}; });
    }
    Peer(const TlsContext& context, IReactorTime& clock) : Peer() {
        acceptStartTls(context, clock);
    }

private:
    std::int32_t ticks_ = 0;
};

class AmpInteropTest : public marline::testing::InteropTest {
protected:
    void SetUp() override {
        if (runToEnd("/usr/bin/python3", {"-c", "import twisted.protocols.amp, OpenSSL"}) != "") {
            GTEST_SKIP() << "Debian's python3-twisted and python3-openssl are not installed";
        }
        const marline::testing::PemPair& pair = marline::testing::serverPair();
        certificate_ = folder_.write("server.pem", pair.key + pair.certificate);
    }
    std::string certificate_;

private:
    test::TempFolder folder_;
};

const std::string kPeer = MARLINE_INTEROP_FOLDER "/amp_peer.py";

// Twisted asks, marline answers: values of every type, errors of every kind, then over TLS.
TEST_F(AmpInteropTest, answersTwisted) {
    const TlsContext context = marline::testing::serverContext();
    const auto port = reactor().listenTcp(
        0, factoryOf([&](const Address&) { return makeRef<Peer>(context, reactor()); }),
        {.interface = "127.0.0.1"});
    const std::string said = runToEnd(
        "/usr/bin/python3", {kPeer, "client", std::to_string(port->getHost().port), certificate_});
    EXPECT_EQ(said,
              "divided 1237.5\nzero division: so it is\neverything True\n"
              "unhandled: (b'UNHANDLED', \"Unhandled Command: 'Missing'\")\nticks 3\n"
              "over TLS 0.125\nunknown error: Code<UNKNOWN>: Unknown Error\n");
    EXPECT_EQ(logged().count("secret"), 1U);
    logged().clear();
}

// marline asks, Twisted answers.
TEST_F(AmpInteropTest, asksTwisted) {
    const Ref<marline::testing::PeerOutput> server =
        start("/usr/bin/python3", {kPeer, "server", certificate_});
    runUntil([&] { return server->text.ends_with('\n') || server->ended; });
    ASSERT_FALSE(server->ended) << server->text;
    const Address to{Address::Kind::Ipv4, static_cast<std::uint16_t>(std::stoul(server->text)),
                     "127.0.0.1"};
    const auto peer = makeRef<Peer>();
    reactor().connectTcp(to, factoryOf([&](const Address&) { return peer; }));
    runUntil([&] { return peer->transport() != nullptr; });
    const auto answer = [&](auto command) {
        Outcome outcome(peer->callRemote(command));
        runUntil([&] { return outcome.fired(); });
        return outcome;
    };
    EXPECT_EQ(answer(Divide{1, 4}).value().result, 0.25);
    const auto zero = answer(Divide{1, 0});
    EXPECT_NE(zero.template failed<ZeroDivision>(), nullptr) << zero.message();
    using namespace std::chrono;
    const Everything all{true,
                         "gr\xc3\xbc\xc3\x9f",
                         std::string("\0\xff", 2),
                         sys_days(year(2012) / 1 / 23) + 12h + 34min + 56s + microseconds(54321),
                         {1, -2, 300},
                         {{"a", 1}, {"b", {}}},
                         {}};
    EXPECT_EQ(answer(all).value(), all);
    const auto missing = answer(Missing{});
    EXPECT_NE(missing.template failed<UnhandledCommand>(), nullptr) << missing.message();
    peer->callRemote(Tick{3});
    EXPECT_EQ(answer(Ticks{}).value().count, 3);
    Outcome<> begun(
        peer->callStartTls(marline::testing::clientContext(), reactor(), marline::testing::kHost));
    EXPECT_EQ(answer(Divide{1, 8}).value().result, 0.125);
    EXPECT_TRUE(begun.ok()) << begun.message();
    EXPECT_NE(peer->transport()->tls(), nullptr);
    const auto failed = answer(Fail{});
    EXPECT_NE(failed.template failed<UnknownRemoteError>(), nullptr) << failed.message();
    runUntil([&] { return peer->transport() == nullptr; });
}

}  // namespace
}  // namespace marline::amp
