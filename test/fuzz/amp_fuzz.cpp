// Fuzzes Amp: whatever comes, in whatever reads, is answered the same.
#include <optional>
#include <string>
#include <vector>

#include <marline/protocols/amp/amp.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/deliver.hpp>

namespace {

using namespace marline;

struct Row {
    std::string name;
    std::optional<double> size;
    static constexpr auto fields() { return amp::fields("n", &Row::name, "s", &Row::size); }
};

/// One of every type, sent back.
struct Echo {
    static constexpr std::string_view kCommandName = "E";
    std::optional<bool> flag;
    std::optional<std::int16_t> number;
    std::optional<amp::DateTime> when;
    std::vector<std::int64_t> numbers;
    std::vector<Row> rows;
    static constexpr auto fields() {
        return amp::fields("f", &Echo::flag, "i", &Echo::number, "w", &Echo::when, "l",
                           &Echo::numbers, "r", &Echo::rows);
    }
    using Response = Echo;
};

class Peer final : public amp::Amp {
public:
    Peer() {
        responder<Echo>([](const Echo& all) { return all; });
    }
};

std::string transcript(const std::vector<std::string_view>& reads, std::size_t maxBox) {
    testing::StringTransport transport;
    const auto peer = makeRef<Peer>();
    peer->setMaxBoxBytes(maxBox);
    peer->makeConnection(transport);
    std::string outcome;
    peer->callRemote(Echo()).addBoth([&outcome](Result<Echo> answer) {
        outcome += answer.ok() ? "answered " : answer.failure().typeName() + " ";
    });
    try {
        for (const std::string_view read : reads) {
            if (transport.disconnecting()) {
                break;
            }
            marline::testing::deliver(*peer, read);
        }
        outcome += transport.disconnecting() ? "closed" : "open";
    } catch (const amp::ProtocolError&) {
        outcome += "refused";
    }
    transport.disconnect();
    peer->connectionLost(ConnectionDone());
    return outcome + transport.value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    setLogObserver([](LogLevel, std::string_view) noexcept {});
    marline::testing::Chooser input(data, size);
    const unsigned limit = input.takeByte();
    const std::size_t maxBox = limit % 2 == 0 ? amp::kMaxBoxBytes : limit;
    const unsigned seed = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed,
        [&](const std::vector<std::string_view>& reads) { return transcript(reads, maxBox); });
    return 0;
}
