// The snippets of docs/howto/framing.md, and what the page says of them.
#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/testing/string_transport.hpp>

#include "test/support/running.hpp"

using namespace marline;

namespace {

using test::outcomeOf;
using test::runUntil;

/// What a server on `port` answers to `text`, once it is as long as `expected`.
std::string answerTo(Reactor& reactor, const Address& port, const std::string& text,
                     const std::string& expected) {
    const auto client = std::make_shared<test::Record>();
    client->onMade = [&](ITransport& transport) { transport.write(text); };
    EXPECT_TRUE(outcomeOf(reactor, reactor.connectTcp(port, test::recorderFactory(client))).ok());
    runUntil(reactor, [&] { return client->received.size() >= expected.size(); });
    return client->received;
}

class Echo : public LineReceiver {
    void lineReceived(std::string_view line) override { sendLine(line); }
};

// Lines come back.
TEST(GuideFraming, lines) {
    const std::uint16_t port = 0;
    Reactor reactor;
    auto listening = reactor.listenTcp(port, makeFactory<Echo>(), {.interface = "127.0.0.1"});
    EXPECT_EQ(answerTo(reactor, listening->getHost(), "one\r\ntwo\r\nthr", "one\r\ntwo\r\n"),
              "one\r\ntwo\r\n");
}

std::size_t lengthOf(std::string_view line) {
    std::size_t length = 0;
    line.remove_prefix(std::string_view("Length: ").size());
    std::from_chars(line.data(), line.data() + line.size(), length);
    return length;
}

std::string stored;

void store(std::span<const std::byte> data) { stored += asText(data); }

class Upload : public LineReceiver {
    void lineReceived(std::string_view line) override {
        if (line.empty()) {
            setRawMode();  // the header is over
        } else if (line.starts_with("Length: ")) {
            left_ = lengthOf(line);
        }
    }
    void rawDataReceived(std::span<const std::byte> data) override {
        const std::size_t ours = std::min(left_, data.size());
        store(data.first(ours));
        left_ -= ours;
        if (left_ == 0) {
            setLineMode(data.subspan(ours));  // lines again, these first
        }
    }

    std::size_t left_ = 0;
};

// Two uploads behind each other, in whatever pieces they come.
TEST(GuideFraming, rawBytes) {
    const std::string_view sent = "Length: 5\r\n\r\nhelloLength: 7\r\n\r\n, world";
    for (const std::size_t piece : {sent.size(), std::size_t{1}, std::size_t{3}}) {
        stored.clear();
        marline::testing::StringTransport transport;
        const auto upload = makeRef<Upload>();
        upload->makeConnection(transport);
        for (std::size_t at = 0; at < sent.size(); at += piece) {
            upload->dataReceived(asBytes(sent.substr(at, piece)));
        }
        EXPECT_EQ(stored, "hello, world") << piece;
    }
}

/// Says how it has been reached, and with what.
class Binary : public Protocol {
public:
    void dataReceived(std::span<const std::byte> data) override {
        transport()->write("binary ");
        transport()->write(data);
    }
};

class Switching : public LineReceiver {
    void lineReceived(std::string_view line) override {
        if (line == "BINARY") {
            ITransport& connection = *transport();
            const std::string rest = takeUnparsed();
            auto binary = makeRef<Binary>();
            const Ref<IProtocol> self =
                connection.switchProtocol(binary);  // lives until this is over
            binary->makeConnection(connection);
            binary->dataReceived(asBytes(rest));
        }
    }
};

// What came behind the line is the other protocol's.
TEST(GuideFraming, handingOver) {
    Reactor reactor;
    const auto port = reactor.listenTcp(0, makeFactory<Switching>(), {.interface = "127.0.0.1"});
    EXPECT_EQ(answerTo(reactor, port->getHost(), "BINARY\r\na\r\nb", "binary a\r\nb"),
              "binary a\r\nb");
}

}  // namespace
