// What the mail server does not let through: bare line ends, and more than its limits.
#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/protocols/framing.hpp>
#include <test/protocols/smtp/smtp_server_fixture.hpp>

namespace marline::smtp {
namespace {

class SmtpLimitsTest : public SmtpServerTest {
protected:
    /// Connects, and goes as far as to the content of a message.
    void beginMessage() {
        connect();
        say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    }
};

INSTANTIATE_TEST_SUITE_P(Chunks, SmtpLimitsTest, ::testing::Values(1, 3, 4096));

// SMTP smuggling (CVE-2023-51764 and its kin): what others may take for the end of a message ends
// the connection, and nothing behind it is a command.
TEST_P(SmtpLimitsTest, letsNothingBeSmuggled) {
    for (const std::string end :
         {"\n.\n", "\n.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r", "\r.\r\n", "\r\n.\r\r\n", "\n", "\r",
          "x\ny\r\n", "\r\n\n.\r\n", "\r\r\n.\r\n"}) {
        delivery_->mail.clear();
        beginMessage();
        EXPECT_EQ(codes(say("text" + end + "MAIL FROM:<evil@b>\r\n.\r\n")), "500");
        EXPECT_TRUE(client_->closed());
        ASSERT_EQ(delivery_->mail.size(), 1U);
        EXPECT_FALSE(delivery_->mail[0].whole);
        EXPECT_TRUE(delivery_->mail[0].lost);
    }
}

// Nor is a dot the end where other bytes are on its line, NUL for one.
TEST_P(SmtpLimitsTest, endsWithALoneDotOnly) {
    beginMessage();
    EXPECT_EQ(codes(say(std::string("\0.\r\n.\0\r\n. \r\n..\r\n", 16))), "");
    EXPECT_EQ(codes(say(".\r\nNOOP\r\n")), "250 250");
    EXPECT_EQ(delivery_->mail.at(0).text, std::string("\0.\n\0\n \n.\n", 9));
}

// Commands end with CRLF as well.
TEST_P(SmtpLimitsTest, refusesBareLineEndsInCommands) {
    for (const char* line : {"NOOP\nNOOP\r\n", "NOOP\rNOOP\r\n", "NOOP\r\r\n", "\n"}) {
        connect();
        EXPECT_EQ(codes(say(line)), "500") << line;
        EXPECT_TRUE(client_->closed());
    }
}

// SmtpLimits::commandLine: the longest is let in, the next is refused as a whole, however long.
TEST_P(SmtpLimitsTest, limitsCommands) {
    connect();
    const auto noop = [](std::size_t bytes) {
        return "NOOP " + std::string(bytes - 7, 'x') + "\r\n";
    };
    EXPECT_EQ(codes(say(noop(kMaxCommandLine))), "250");
    EXPECT_EQ(codes(say(noop(kMaxCommandLine + 1) + "NOOP\r\n")), "500 250");
    EXPECT_EQ(codes(say(noop(100'000) + "NOOP\r\n")), "500 250");
    EXPECT_EQ(codes(say(noop(100'000).insert(50'000, "\n"))), "500");
    EXPECT_TRUE(client_->closed());
}

// SmtpLimits::textLine: a message with a longer line is refused at its end.
TEST_P(SmtpLimitsTest, limitsLinesOfMessages) {
    beginMessage();
    const std::string longest(kMaxTextLine - 2, 'x');
    EXPECT_EQ(codes(say(longest + "\r\n.\r\n")), "250");
    EXPECT_EQ(delivery_->mail.at(0).text, longest + "\n");
    say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    const std::string answer = say(longest + "x\r\nmore\r\n.\r\nNOOP\r\n");
    EXPECT_EQ(codes(answer), "500 250");
    EXPECT_NE(answer.find("SmtpLimits::textLine"), std::string::npos) << answer;
    EXPECT_TRUE(delivery_->mail.at(1).lost);
    say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
    EXPECT_EQ(codes(say(std::string(100'000, 'x') + "\n.\r\n")), "500");
    EXPECT_TRUE(client_->closed());
}

// The dot at the end of a line that is too long does not end the message.
TEST_P(SmtpLimitsTest, findsNoEndInALongLine) {
    options_.limits.textLine = 10;
    beginMessage();
    EXPECT_EQ(say("123456789.\r\n12345678\r\n"), "");
    EXPECT_EQ(codes(say(".\r\n")), "500");
}

// SmtpLimits::messageBytes: dots of SMTP's own do not count; the SIZE parameter is looked at first.
TEST_P(SmtpLimitsTest, limitsMessages) {
    options_.limits.messageBytes = 20;
    connect();
    EXPECT_NE(say("EHLO x\r\n").find("250 SIZE 20\r\n"), std::string::npos);
    EXPECT_EQ(codes(say("MAIL FROM:<a@b> SIZE=21\r\nMAIL FROM:<a@b> "
                        "SIZE=99999999999999999999999\r\nMAIL FROM:<a@b> SIZE=20\r\n")),
              "552 552 250");
    EXPECT_EQ(codes(say("RCPT TO:<c@d>\r\nDATA\r\n12345678\r\n..23456789\r\n.\r\n")),
              "250 354 552");
    EXPECT_TRUE(delivery_->mail.at(0).lost);
    EXPECT_EQ(
        codes(say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n12345678\r\n..2345678\r\n.\r\n")),
        "250 250 354 250");
}

// SmtpLimits::recipients.
TEST_P(SmtpLimitsTest, limitsRecipients) {
    options_.limits.recipients = 2;
    connect();
    EXPECT_EQ(codes(say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\n"
                        "RCPT TO:<e@f>\r\nDATA\r\n.\r\n")),
              "250 250 250 250 452 354 250");
    EXPECT_EQ(delivery_->mail.size(), 2U);
}

// SmtpLimits::refusals: whoever tries and tries is let go.
TEST_P(SmtpLimitsTest, limitsRefusals) {
    options_.limits.refusals = 3;
    connect();
    EXPECT_EQ(codes(say("x\r\nNOOP\r\nx\r\nx\r\nNOOP\r\n")), "500 250 500 500 421");
    EXPECT_TRUE(client_->closed());
}

// Recipients that are gone are no mistakes: a list is delivered to the others.
TEST_P(SmtpLimitsTest, countsNoRefusedRecipients) {
    options_.limits.refusals = 3;
    connect();
    say("HELO x\r\nMAIL FROM:<a@b>\r\n");
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(codes(say("RCPT TO:<nobody@d>\r\n")), "550");
    }
    EXPECT_EQ(codes(say("RCPT TO:<c@d>\r\nDATA\r\n.\r\n")), "250 354 250");
    EXPECT_EQ(codes(say("MAIL FROM:<spam@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n")),
              "550 503 503 500 421");
}

// SmtpLimits::delivery: a Deferred that takes longer is cancelled, and the session goes on.
TEST_P(SmtpLimitsTest, limitsTheDelivery) {
    options_.limits.delivery = std::chrono::seconds(10);
    connect();
    say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<later@d>\r\nNOOP\r\n");
    clock_.advance(std::chrono::seconds(9));
    EXPECT_EQ(flush(), "");
    clock_.advance(std::chrono::seconds(1));
    EXPECT_EQ(codes(flush()), "451 250");
    EXPECT_FALSE(delivery_->waiting->pending());
    EXPECT_EQ(flushLoggedErrors("10000 ms (SmtpLimits::delivery)").size(), 1U);
    EXPECT_EQ(codes(say("RCPT TO:<c@d>\r\n")), "250");
}

// SmtpLimits::pipelined: while the delivery is waited for no more is read.
TEST_P(SmtpLimitsTest, limitsWhatIsReadAhead) {
    options_.limits.pipelined = 12;
    connect();
    say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<later@d>\r\n");
    say("NOOP\r\nNOOP\r\n");
    EXPECT_FALSE(pump_->server().paused());
    say("N");
    EXPECT_TRUE(pump_->server().paused());
    delivery_->waiting->callback();
    EXPECT_EQ(codes(flush()), "250 250 250");
    EXPECT_EQ(codes(say("OOP\r\n")), "250");
}

// SmtpLimits::idle: whole lines count, single bytes do not.
TEST_P(SmtpLimitsTest, limitsSilence) {
    options_.limits.idle = std::chrono::seconds(10);
    connect();
    clock_.advance(std::chrono::seconds(9));
    EXPECT_EQ(codes(say("NOOP\r\n")), "250");
    clock_.advance(std::chrono::seconds(9));
    EXPECT_EQ(say("NO"), "");
    clock_.advance(std::chrono::seconds(1));
    EXPECT_EQ(codes(flush()), "421");
    EXPECT_TRUE(client_->closed());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// A client that does not even take the goodbye is cut off.
TEST_P(SmtpLimitsTest, cutsOffWhoDoesNotListen) {
    connect();
    client_->transport()->pauseProducing();
    clock_.advance(kSmtpIdleTimeout);
    EXPECT_FALSE(client_->closed());
    clock_.advance(kSmtpIdleTimeout);
    pump_->flush();
    EXPECT_TRUE(pump_->server().ended());
}

// SmtpLimits::unsent: whoever asks on without reading the answers is cut off, also within one read.
TEST(SmtpUnsent, isLimited) {
    testing::Clock clock;
    const auto factory = makeRef<SmtpFactory>(clock, makeRef<RecordingDelivery>(),
                                              SmtpOptions{.limits = {.unsent = 1000}});
    for (const std::string line : {"NOOP\r\n", "EHLO x\r\n"}) {
        testing::StringTransport transport;
        const auto server = factory->buildProtocol({});
        server->makeConnection(transport);
        transport.hold();
        for (std::size_t i = 0; i < 1000 / std::string("250 OK\r\n").size(); ++i) {
            testing::feed(*server, "NOOP\r\n");
        }
        EXPECT_EQ(transport.bytesBuffered(), 1000U);
        EXPECT_FALSE(transport.disconnecting());
        std::string flood;
        for (int i = 0; i < 1000; ++i) {
            flood += line;
        }
        testing::feed(*server, flood);
        EXPECT_TRUE(transport.aborted());
        EXPECT_LT(transport.bytesBuffered(), 1100U);
        transport.disconnect();
        server->connectionLost(ConnectionDone());
    }
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

}  // namespace
}  // namespace marline::smtp
