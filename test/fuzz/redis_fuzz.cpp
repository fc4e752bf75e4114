// Fuzzes RedisProtocol: whatever a server says, in whatever reads, means the same.
#include <string>
#include <vector>

#include <marline/protocols/redis/redis_protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/deliver.hpp>

namespace {

using namespace marline;

void describe(const redis::Value& value, std::string& text) {
    text += static_cast<char>('a' + static_cast<int>(value.kind));
    text.append(std::to_string(value.integer)).append(value.text);
    for (const redis::Value& item : value.items) {
        describe(item, text);
    }
    text += ';';
}

std::string transcript(const std::vector<std::string_view>& reads, std::size_t maxReply) {
    testing::StringTransport transport;
    const auto client = makeRef<redis::RedisProtocol>();
    client->setMaxReplyBytes(maxReply);
    client->makeConnection(transport);
    std::string text;
    const auto note = [&text](Result<redis::Value> reply) {
        reply.ok() ? describe(reply.value(), text) : void(text += reply.failure().typeName());
    };
    client->command("A").addBoth(note);
    client->subscribe("c", [&text](std::string_view message) { text += message; })
        .addBoth([&text](Result<> done) { text += done.ok() ? "subscribed" : "not"; });
    client->command("B").addBoth(note);
    try {
        for (const std::string_view read : reads) {
            marline::testing::deliver(*client, read);
        }
        text += "open";
    } catch (const redis::ProtocolError&) {
        text += "refused";
    }
    transport.disconnect();
    client->connectionLost(ConnectionDone());
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::Chooser input(data, size);
    const unsigned limit = input.takeByte();
    const std::size_t maxReply = limit % 2 == 0 ? redis::kMaxReplyBytes : limit;
    const unsigned seed = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed,
        [&](const std::vector<std::string_view>& reads) { return transcript(reads, maxReply); });
    return 0;
}
