// Syslog with Debian's rsyslog in the middle: it takes what is sent, and sends it on.
#include <marline/protocols/syslog/receiver.hpp>
#include <marline/protocols/syslog/sender.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/reactor/endpoints.hpp>

#include <test/interop/peer_program.hpp>
#include <test/support/deferred_outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace marline::syslog {
namespace {

/// Keeps what comes.
class Keeping final : public Receiver {
public:
    explicit Keeping(std::vector<Message>& all) : all_(all) {}

    void messageReceived(Message message, const Address&) override {
        all_.push_back(std::move(message));
    }

private:
    std::vector<Message>& all_;
};

class SyslogInteropTest : public testing::InteropTest {
protected:
    /// Starts rsyslog, which gives to a Receiver what it gets over TCP and at its own socket.
    void begin() {
        const std::string rsyslogd = find("rsyslogd");
        if (rsyslogd.empty()) {
            GTEST_SKIP() << "Debian's rsyslog is not installed";
        }
        port_ = reactor().listenTcp(
            0, factoryOf([this](const Address&) { return makeRef<Keeping>(came_); }),
            {.interface = "127.0.0.1"});
        const std::string config = folder_.write(
            "rsyslog.conf",
            "global(workDirectory=\"" + folder_.path() +
                "\" processInternalMessages=\"off\")\n"
                "module(load=\"imtcp\")\n"
                "module(load=\"imuxsock\" SysSock.Use=\"off\")\n"
                "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"" +
                folder_ / "port" + "\")\ninput(type=\"imuxsock\" Socket=\"" + folder_ / "log" +
                "\" UseSysTimeStamp=\"off\" UsePIDFromSystem=\"off\")\n"
                "template(name=\"plain\" type=\"string\" string=\"<%PRI%>1 "
                "%TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% %PROCID% %MSGID% "
                "%STRUCTURED-DATA% %msg%\")\n"
                "action(type=\"omfwd\" target=\"127.0.0.1\" port=\"" +
                std::to_string(port_->getHost().port) +
                "\" protocol=\"tcp\" TCP_Framing=\"octet-counted\" "
                "template=\"plain\")\n");
        rsyslog_ = start(rsyslogd, {"-n", "-f", config, "-i", folder_ / "pid"});
        waitFor([&] { return std::filesystem::exists(folder_ / "log"); });
        ASSERT_FALSE(rsyslog_->ended) << rsyslog_->text;
    }
    /// Until rsyslog has made a file: nothing but the time tells.
    template <class Done>
    void waitFor(Done done) {
        DelayedCall again;
        const std::function<void()> look = [&] {
            again = reactor().callLater(std::chrono::milliseconds(20), [&look] { look(); });
        };
        look();
        runUntil([&] { return rsyslog_->ended || done(); });
        again.cancel();
    }
    /// Where rsyslog listens for TCP.
    Address tcp() {
        std::string number;
        waitFor([&] {
            std::ifstream(folder_ / "port") >> number;
            return !number.empty();
        });
        return {Address::Kind::Ipv4, static_cast<std::uint16_t>(std::stoul(number)), "127.0.0.1"};
    }

    std::vector<Message> came_;
    Ref<IListeningPort> port_;
    Ref<testing::PeerOutput> rsyslog_;
    test::TempFolder folder_;
};

// rsyslog reads what a Sender sends, escapes, line ends and all, and a Receiver what it sends on.
TEST_F(SyslogInteropTest, passesThroughRsyslog) {
    begin();
    if (IsSkipped()) {
        return;
    }
    TcpClientEndpoint endpoint(reactor(), tcp());
    const auto sender = makeRef<Sender>();
    testing::Outcome<Ref<IProtocol>> made(
        endpoint.connect(factoryOf([sender](const Address&) { return sender; })));
    runUntil([&] { return made.fired(); });
    ASSERT_TRUE(made.ok()) << made.message();
    Message message = localMessage("marline", Severity::Warning, "a text with \xe2\x82\xac");
    message.facility = Facility::Local3;
    message.msgId = "ID47";
    message.elements = {{"order@32473", {{"id", "4711"}, {"by", "\"me\" \\ [x]"}}},
                        {"empty@1", {}}};
    sender->send(message);
    sender->send({.appName = "second", .text = "two"});
    runUntil([&] { return rsyslog_->ended || came_.size() == 2; });
    ASSERT_EQ(came_.size(), 2U) << rsyslog_->text;
    EXPECT_EQ(came_[0].elements, message.elements);
    EXPECT_EQ(came_[0].facility, message.facility);
    EXPECT_EQ(came_[0].severity, message.severity);
    EXPECT_EQ(came_[0].time, message.time);
    EXPECT_EQ(came_[0].hostName, message.hostName);
    EXPECT_EQ(came_[0].appName, message.appName);
    EXPECT_EQ(came_[0].procId, message.procId);
    EXPECT_EQ(came_[0].msgId, message.msgId);
    EXPECT_EQ(came_[0].text, message.text);
    EXPECT_EQ(came_[1].appName, "second");
    EXPECT_EQ(came_[1].text, "two");
    sender->transport()->loseConnection();
    runUntil([&] { return sender->transport() == nullptr; });
}

// rsyslog reads what a LocalSender sends to its socket.
TEST_F(SyslogInteropTest, isTheDaemonOfThisHost) {
    begin();
    if (IsSkipped()) {
        return;
    }
    LocalSender sender(folder_ / "log");
    const Message message = localMessage("marline", Severity::Error, "no paper");
    EXPECT_FALSE(sender.send(message));
    runUntil([&] { return rsyslog_->ended || !came_.empty(); });
    ASSERT_EQ(came_.size(), 1U) << rsyslog_->text;
    EXPECT_EQ(came_[0].appName, "marline");
    EXPECT_EQ(came_[0].procId, message.procId);
    EXPECT_EQ(came_[0].severity, Severity::Error);
    EXPECT_EQ(came_[0].facility, Facility::User);
    EXPECT_NE(came_[0].text.find("no paper"), std::string::npos);
}

}  // namespace
}  // namespace marline::syslog
