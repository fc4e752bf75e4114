// Syslog's senders and receivers: each with the other, in memory and on loopback, and their limits.
#include <marline/protocols/syslog/receiver.hpp>
#include <marline/protocols/syslog/sender.hpp>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/gtest.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <marline/reactor/tls.hpp>
#include <marline/reactor/unique_fd.hpp>

#include <test/protocols/framing.hpp>
#include <test/reactor/tls/tls_bed.hpp>
#include <test/support/temp_folder.hpp>

namespace marline::syslog {
namespace {

/// What a receiver of either kind has heard.
struct Heard {
    std::vector<std::string> texts;
    std::vector<std::string> bad;
    Address from;
};

/// Notes what it hears.
template <class Base>
class Noting final : public Base {
public:
    explicit Noting(Heard& heard) : heard_(heard) {}

    void messageReceived(Message message, const Address& from) override {
        heard_.texts.push_back(message.text);
        heard_.from = from;
        if (onMessage) {
            onMessage(*this);
        }
    }
    void badMessageReceived(std::string_view data, const Failure& why,
                            const Address& from) override {
        heard_.bad.emplace_back(data);
        Base::badMessageReceived(data, why, from);
    }

    std::function<void(Noting&)> onMessage;

private:
    Heard& heard_;
};

using StreamReceiver = Noting<Receiver>;
using DatagramReceiver = Noting<UdpReceiver>;

std::string counted(const std::string& message) {
    return std::to_string(message.size()) + ' ' + message;
}

class SyslogReceiverTest : public testing::TestCase {
protected:
    SyslogReceiverTest() { begin(); }
    ~SyslogReceiverTest() override { end(); }

    void begin() {
        heard_ = {};
        receiver_ = makeRef<StreamReceiver>(heard_);
        receiver_->makeConnection(transport_.emplace());
    }
    void end() {
        transport_->disconnect();
        receiver_->connectionLost(ConnectionDone());
    }
    /// What is heard of `stream`, however it is cut.
    Heard everyWay(const std::string& stream) {
        Heard whole;
        for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
            end();
            begin();
            feed(stream.substr(0, cut));
            feed(stream.substr(cut));
            if (cut == 0) {
                whole = heard_;
            }
            EXPECT_EQ(heard_.texts, whole.texts) << "cut at " << cut;
            EXPECT_EQ(heard_.bad, whole.bad) << "cut at " << cut;
        }
        end();
        begin();
        for (const char c : stream) {
            feed(std::string(1, c));
        }
        EXPECT_EQ(heard_.texts, whole.texts) << "byte by byte";
        return whole;
    }
    void feed(const std::string& text) {
        if (!transport_->disconnecting() && !transport_->paused()) {
            testing::feed(*receiver_, text);
        }
    }

    Heard heard_;
    std::optional<testing::StringTransport> transport_;
    Ref<StreamReceiver> receiver_;
};

using Texts = std::vector<std::string>;

// RFC 6587 §3.4.1: each message has its length before it, whatever bytes it holds.
TEST_F(SyslogReceiverTest, readsCountedMessages) {
    const std::string stream = counted("<13>1 - - - - - - one\n2 x") +
                               counted("<13>1 - - - - - -") + counted("<13>two") +
                               counted("<13>1 - - - - - - <13>three\n");
    EXPECT_EQ(everyWay(stream).texts, (Texts{"one\n2 x", "", "two", "<13>three\n"}));
    EXPECT_FALSE(transport_->disconnecting());
    EXPECT_EQ(heard_.from, transport_->getPeer());
}

// RFC 6587 §3.4.2: what begins with its priority ends with LF; both may come on one connection.
TEST_F(SyslogReceiverTest, readsLines) {
    EXPECT_EQ(everyWay("<13>one\n<13>two\r\n" + counted("<13>three") + "<13>four\n").texts,
              (Texts{"one", "two", "three", "four"}));
}

// A message that is none is told, and those behind it are read.
TEST_F(SyslogReceiverTest, goesOnBehindABadMessage) {
    const Heard heard = everyWay(counted("<13>1 bad") + "<13>1 bad too\n" + counted("<13>good"));
    EXPECT_EQ(heard.bad, (Texts{"<13>1 bad", "<13>1 bad too"}));
    EXPECT_EQ(heard.texts, Texts{"good"});
}

// Where nobody knows what the next message is, the connection ends.
TEST_F(SyslogReceiverTest, refusesWhatIsNoFrame) {
    for (const char* stream : {"x", " 1 x", "0 <13>x", "012 <13>x", "1x ", "-1 x", "+1 x", "\n",
                               "12345678901", "12345678901 x"}) {
        EXPECT_EQ(everyWay(stream).texts, Texts{}) << stream;
        EXPECT_TRUE(transport_->closed()) << stream;
    }
}

// Receiver::setMaxMessage(): the longest is read, one byte more ends the connection, in either
// framing, before its bytes are there.
TEST_F(SyslogReceiverTest, limitsMessages) {
    EXPECT_EQ(receiver_->maxMessage(), kMaxMessage);
    const auto fits = [&](const std::string& stream) {
        end();
        begin();
        receiver_->setMaxMessage(10);
        feed(stream);
        return !transport_->closed();
    };
    EXPECT_TRUE(fits("10 <13>123456"));
    EXPECT_EQ(heard_.texts, Texts{"123456"});
    EXPECT_FALSE(fits("11 "));
    EXPECT_FALSE(fits("9999999999"));
    EXPECT_TRUE(fits("<13>123456\n"));
    EXPECT_EQ(heard_.texts, Texts{"123456"});
    EXPECT_TRUE(fits("<13>123456"));
    EXPECT_FALSE(fits("<13>1234567"));
    EXPECT_FALSE(fits("<13>1234567\n"));
    EXPECT_EQ(heard_.texts, Texts{});
}

// It is a producer of messages: who hears them may pause it.
TEST_F(SyslogReceiverTest, mayBePaused) {
    receiver_->onMessage = [](StreamReceiver& self) { self.pauseProducing(); };
    feed("<13>one\n<13>two\n");
    EXPECT_EQ(heard_.texts, Texts{"one"});
    EXPECT_TRUE(transport_->paused());
    receiver_->resumeProducing();
    EXPECT_EQ(heard_.texts, (Texts{"one", "two"}));
}

// Sender: the length before each message; nothing waits beyond maxUnsent(), and what is dropped
// counts.
TEST(SyslogSender, sendsCountedMessages) {
    const auto sender = makeRef<Sender>();
    EXPECT_FALSE(sender->send({.text = "too early"}));
    testing::StringTransport transport;
    sender->makeConnection(transport);
    EXPECT_TRUE(sender->send({.text = "one\n"}));
    EXPECT_EQ(transport.value(), "22 <13>1 - - - - - - one\n");
    sender->setMaxMessage(19);
    transport.clear();
    EXPECT_TRUE(sender->send({.text = "two"}));
    EXPECT_EQ(transport.value(), "19 <13>1 - - - - - - t");
    EXPECT_THROW(sender->send({.appName = "a b"}), std::invalid_argument);
    transport.hold();
    EXPECT_EQ(sender->maxUnsent(), kMaxUnsent);
    sender->setMaxUnsent(44);
    EXPECT_TRUE(sender->send({.text = "3"}));
    EXPECT_TRUE(sender->send({.text = "4"}));
    EXPECT_FALSE(sender->send({.text = "5"}));
    EXPECT_EQ(sender->dropped(), 2U);
    transport.drain();
    EXPECT_TRUE(sender->send({.text = "6"}));
    transport.loseConnection();
    EXPECT_FALSE(sender->send({.text = "7"}));
    transport.disconnect();
    sender->connectionLost(ConnectionDone());
    EXPECT_FALSE(sender->send({.text = "8"}));
    EXPECT_EQ(sender->dropped(), 4U);
}

class SyslogLoopbackTest : public testing::ReactorTestCase {
protected:
    /// Sends two messages to a server of `factory` at `endpoint`, over what that is.
    void sendTwo(IStreamClientEndpoint& endpoint) {
        const auto sender = makeRef<Sender>();
        resultOf(endpoint.connect(factoryOf([sender](const Address&) { return sender; })));
        EXPECT_TRUE(sender->send({.text = "one"}));
        EXPECT_TRUE(sender->send({.text = "two"}));
        runUntil([&] { return heard_.texts.size() == 2; });
        EXPECT_EQ(heard_.texts, (Texts{"one", "two"}));
        EXPECT_EQ(heard_.from, sender->transport()->getHost());
        sender->transport()->loseConnection();
        runUntil([&] { return port_->connections() == 0 && sender->transport() == nullptr; });
        resultOf(port_->stopListening());
    }
    Ref<IProtocolFactory> receivers() {
        return factoryOf([this](const Address&) { return makeRef<StreamReceiver>(heard_); });
    }

    Heard heard_;
    Ref<IListeningPort> port_;
};

TEST_F(SyslogLoopbackTest, carriesMessagesOverTcp) {
    port_ = reactor().listenTcp(0, receivers(), {.interface = "127.0.0.1"});
    TcpClientEndpoint endpoint(reactor(), port_->getHost());
    sendTwo(endpoint);
}

// RFC 5425.
TEST_F(SyslogLoopbackTest, carriesMessagesOverTls) {
    port_ =
        reactor().listenTcp(0, tlsServerFactory(testing::serverContext(), reactor(), receivers()),
                            {.interface = "127.0.0.1"});
    const auto endpoint = wrapClientTls(reactor(), testing::clientContext(), testing::kHost,
                                        makeRef<TcpClientEndpoint>(reactor(), port_->getHost()));
    sendTwo(*endpoint);
}

// RFC 5426: a message is a datagram; what is none is told, and a server that is not there is not.
TEST_F(SyslogLoopbackTest, carriesMessagesOverUdp) {
    port_ = reactor().listenUdp(0, makeRef<DatagramReceiver>(heard_), {.interface = "127.0.0.1"});
    const auto sender = makeRef<UdpSender>(port_->getHost());
    EXPECT_FALSE(sender->send({.text = "too early"}));
    const auto from = reactor().listenUdp(0, sender, {.interface = "127.0.0.1"});
    EXPECT_TRUE(sender->send({.text = "one\n"}));
    sender->setMaxMessage(19);
    EXPECT_TRUE(sender->send({.text = "two"}));
    sender->transport()->write("<13>1 bad");
    runUntil([&] { return !heard_.bad.empty(); });
    EXPECT_EQ(heard_.texts, (Texts{"one\n", "t"}));
    EXPECT_EQ(heard_.bad, Texts{"<13>1 bad"});
    EXPECT_EQ(heard_.from, from->getHost());
    EXPECT_THROW(sender->send({.appName = "a b"}), std::invalid_argument);
    resultOf(port_->stopListening());
    EXPECT_TRUE(sender->send({.text = "to nobody"}));
    reactor().iterate();
    EXPECT_TRUE(sender->send({.text = "to nobody"}));
    resultOf(from->stopListening());
    EXPECT_FALSE(sender->send({.text = "too late"}));
}

// This host's daemon gets what syslog(3) would write; without one there is an error to look at.
TEST(SyslogLocalSender, sendsToAUnixSocket) {
    const test::TempFolder folder;
    const std::string path = folder / "log";
    LocalSender sender(path);
    EXPECT_EQ(sender.send({.text = "to nobody"}), std::errc::no_such_file_or_directory);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const UniqueFd daemon(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(daemon.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_FALSE(sender.send({.appName = "app", .procId = "12", .text = "hello"}));
    std::array<char, 100> got{};
    const ssize_t size = ::recv(daemon.get(), got.data(), got.size(), 0);
    EXPECT_EQ(std::string(got.data(), static_cast<std::size_t>(size)), "<13>app[12]: hello");
    EXPECT_THROW(sender.send({.appName = "a b"}), std::invalid_argument);
}

}  // namespace
}  // namespace marline::syslog
