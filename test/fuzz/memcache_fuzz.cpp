// Fuzzes MemCacheProtocol: whatever a server says, in whatever reads, means the same, and every
// question comes to an end.
#include <optional>
#include <string>
#include <vector>

#include <marline/protocols/memcache/memcache_protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/deliver.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

class Answers {
public:
    /// Notes what comes of a question.
    template <class T, class Describe>
    void expect(Deferred<T> answer, Describe describe) {
        ++open_;
        answer.addBoth([this, describe](const Result<T>& got) {
            --open_;
            text += got.ok() ? describe(got) : got.failure().typeName();
            text += '|';
        });
    }
    int open() const { return open_; }

    std::string text;

private:
    int open_ = 0;
};

std::string described(const memcache::Item& item) {
    return item.value + ' ' + std::to_string(item.flags) + ' ' + std::to_string(item.cas);
}

void askAll(memcache::MemCacheProtocol& client, Answers& answers) {
    answers.expect(client.get("k"), [](const Result<std::optional<memcache::Item>>& got) {
        return got.value() ? described(*got.value()) : std::string("none");
    });
    answers.expect(client.set("k", "v"),
                   [](const Result<bool>& got) { return std::to_string(got.value()); });
    answers.expect(client.getMultiple({"k", "l"}),
                   [](const Result<std::map<std::string, memcache::Item>>& got) {
                       std::string text;
                       for (const auto& [key, item] : got.value()) {
                           text.append(key).append("=").append(described(item)).append(";");
                       }
                       return text;
                   });
    answers.expect(client.increment("k"), [](const Result<std::optional<std::uint64_t>>& got) {
        return std::to_string(got.value().value_or(0));
    });
    answers.expect(client.version(), [](const Result<std::string>& got) { return got.value(); });
    answers.expect(client.stats(), [](const Result<std::map<std::string, std::string>>& got) {
        return std::to_string(got.value().size());
    });
    answers.expect(client.flushAll(), [](const Result<>&) { return std::string("flushed"); });
}

std::string transcript(const std::vector<std::string_view>& reads, std::size_t maxValue) {
    testing::Clock clock;
    testing::StringTransport transport;
    const auto client = makeRef<memcache::MemCacheProtocol>(clock);
    client->setMaxValueBytes(maxValue);
    client->makeConnection(transport);
    Answers answers;
    askAll(*client, answers);
    std::string end = "open";
    try {
        for (const std::string_view read : reads) {
            marline::testing::deliver(*client, read);
        }
    } catch (const memcache::ProtocolError&) {
        end = "refused";
    }
    transport.disconnect();
    client->connectionLost(ConnectionDone());
    demand(answers.open() == 0, "every question comes to an end");
    demand(clock.pendingCalls() == 0, "no timer stays behind");
    return answers.text + end;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    const unsigned limit = input.takeByte();
    const std::size_t maxValue = limit % 2 == 0 ? memcache::kMaxValueBytes : limit;
    const unsigned seed = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed,
        [&](const std::vector<std::string_view>& reads) { return transcript(reads, maxValue); });
    return 0;
}
