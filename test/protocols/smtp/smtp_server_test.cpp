// The mail server's commands and messages, in reads of several sizes.
#include <marline/protocols/smtp/smtp_factory.hpp>

#include <optional>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/deferred/coroutine.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/protocols/framing.hpp>
#include <test/protocols/leaving.hpp>
#include <test/protocols/smtp/smtp_server_fixture.hpp>

namespace marline::smtp {
namespace {

INSTANTIATE_TEST_SUITE_P(Chunks, SmtpServerTest, ::testing::Values(1, 3, 4096));

// RFC 5321 appendix D.1: a typical transaction, whose content comes through with its dots.
TEST_P(SmtpServerTest, takesAMessage) {
    connect();
    EXPECT_EQ(greeting_, "220 mail.test ESMTP\r\n");
    EXPECT_EQ(say("EHLO client.test\r\n"),
              "250-mail.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10485760\r\n");
    EXPECT_EQ(say("MAIL FROM:<a@b.test> SIZE=100 BODY=8BITMIME\r\n"), "250 OK\r\n");
    EXPECT_EQ(say("RCPT TO:<c@d.test>\r\n"), "250 OK\r\n");
    EXPECT_EQ(say("DATA\r\n"), "354 end with <CRLF>.<CRLF>\r\n");
    EXPECT_EQ(say("Subject: x\r\n\r\n..\r\n.text\r\nend.\r\n"), "");
    EXPECT_EQ(say(".\r\n"), "250 message accepted\r\n");
    ASSERT_EQ(delivery_->mail.size(), 1U);
    EXPECT_EQ(delivery_->mail[0].from, "a@b.test");
    EXPECT_EQ(delivery_->mail[0].to, "c@d.test");
    EXPECT_EQ(delivery_->mail[0].text, "Subject: x\n\n.\ntext\nend.\n");
    EXPECT_TRUE(delivery_->mail[0].whole);
    EXPECT_FALSE(delivery_->mail[0].lost);
    EXPECT_EQ(say("QUIT\r\n"), "221 bye\r\n");
    EXPECT_TRUE(client_->closedWith<ConnectionDone>());
}

// RFC 2920: a whole session at once, with two messages; each recipient has its own.
TEST_P(SmtpServerTest, takesPipelinedCommands) {
    connect();
    const std::string message =
        "MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nRCPT TO:<nobody@d>\r\nRCPT TO:<postmaster>\r\n"
        "DATA\r\nhi\r\n.\r\n";
    EXPECT_EQ(codes(say("HELO x\r\n" + message + message + "QUIT\r\n")),
              "250 250 250 550 250 354 250 250 250 550 250 354 250 221");
    ASSERT_EQ(delivery_->mail.size(), 4U);
    EXPECT_EQ(delivery_->mail[3].to, "postmaster");
    EXPECT_EQ(delivery_->mail[3].from, "");
    EXPECT_EQ(delivery_->mail[3].text, "hi\n");
}

// RFC 5321 §4.4: the trace field says who, by which protocol; HELO is no ESMTP.
TEST_P(SmtpServerTest, tracesTheMessage) {
    delivery_->trace = true;
    connect();
    say("HELO client.test\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n");
    ASSERT_EQ(delivery_->mail.size(), 1U);
    const std::string& trace = delivery_->mail[0].text;
    EXPECT_TRUE(
        trace.starts_with("Received: from client.test ([127.0.0.1]) by mail.test with SMTP; "))
        << trace;
    EXPECT_TRUE(trace.ends_with(" +0000\n")) << trace;
    EXPECT_EQ(delivery_->sessions.at(0).helo, "client.test");
    EXPECT_FALSE(delivery_->sessions.at(0).extended);
}

// Commands out of their order, and what is not one, are refused (RFC 5321 §4.1.4).
TEST_P(SmtpServerTest, refusesWhatDoesNotFit) {
    options_.limits.refusals = 100;
    connect();
    EXPECT_EQ(codes(say("MAIL FROM:<a@b>\r\nHELO\r\nEHLO a b\r\nEHLO \x01\r\nRCPT TO:<a@b>\r\n")),
              "503 501 501 501 503");
    EXPECT_EQ(codes(say("DATA\r\nSTARTTLS\r\nAUTH PLAIN\r\nEXPN x\r\n\r\nwhat\r\n")),
              "503 500 500 502 500 500");
    EXPECT_EQ(codes(say("NOOP x\r\nRSET\r\nVRFY a\r\nHELP\r\nehlo x\r\n")),
              "250 250 252 214 250-250-250-250");
    EXPECT_EQ(codes(say("VRFY\r\nRSET x\r\nQUIT x\r\n")), "501 501 501");
    EXPECT_EQ(codes(say("MAIL TO:<a@b>\r\nMAIL FROM:<postmaster>\r\nMAIL FROM:<a@b> X=1\r\n")),
              "501 501 555");
    EXPECT_EQ(codes(say("MAIL FROM:<a@b> SIZE=x\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\n")),
              "501 555");
    EXPECT_EQ(codes(say("MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nDATA\r\nDATA x\r\n")),
              "250 503 554 501");
    EXPECT_EQ(codes(say("RCPT TO:<>\r\nRCPT TO:a@b\r\nRCPT TO:<a@b> X\r\n")), "501 501 555");
}

// RFC 5321 §4.1.1.11: parameters are an extension, and those are for who says EHLO.
TEST_P(SmtpServerTest, takesNoParametersBehindHelo) {
    connect();
    EXPECT_EQ(codes(say("HELO x\r\nMAIL FROM:<a@b> SIZE=1\r\nMAIL FROM:<a@b> BODY=8BITMIME\r\n"
                        "MAIL FROM:<a@b>\r\n")),
              "250 555 555 250");
}

// A trace field that is not one line would let its text forge the message: it refuses that.
TEST_P(SmtpServerTest, refusesATraceFieldThatIsNoLine) {
    connect();
    say("HELO x\r\n");
    const std::string mail = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
    for (const std::string& trace :
         {std::string("X: a\nEvil: b"), std::string("X: a\r"), std::string("X: \0", 4),
          "X: " + std::string(kMaxTextLine - 4, 'x')}) {
        delivery_->ownTrace = trace;
        EXPECT_EQ(codes(say(mail)), "250 250 451");
        EXPECT_EQ(flushLoggedErrors("receivedHeader gave no line").size(), 1U);
        EXPECT_TRUE(delivery_->mail.back().lost);
    }
    delivery_->ownTrace = "X: " + std::string(kMaxTextLine - 5, 'x');
    EXPECT_EQ(codes(say(mail + ".\r\n")), "250 250 354 250");
    EXPECT_EQ(delivery_->mail.back().text, delivery_->ownTrace + "\n");
}

// RSET and EHLO forget the transaction.
TEST_P(SmtpServerTest, forgetsTheTransaction) {
    connect();
    for (const std::string forget : {"RSET", "EHLO x", "HELO x"}) {
        say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n" + forget + "\r\n");
        EXPECT_EQ(codes(say("RCPT TO:<a@b>\r\nDATA\r\n")), "503 503");
    }
}

// The delivery chooses the answer; what it did not mean to say is logged, and not told.
TEST_P(SmtpServerTest, answersAsTheDeliverySays) {
    connect();
    EXPECT_EQ(say("HELO x\r\nMAIL FROM:<spam@b>\r\n"),
              "250 mail.test\r\n550 Sender not acceptable: <spam@b>\r\n");
    EXPECT_EQ(codes(say("MAIL FROM:<broken@b>\r\n")), "451");
    EXPECT_EQ(flushLoggedErrors("a secret").size(), 1U);
    EXPECT_EQ(say("MAIL FROM:<a@b>\r\nRCPT TO:<nobody@d>\r\n"),
              "250 OK\r\n550 Cannot receive for specified address: <nobody@d>\r\n");
    EXPECT_EQ(codes(say("RCPT TO:<unmakable@d>\r\nDATA\r\n")), "250 451");
    EXPECT_EQ(flushLoggedErrors("no message").size(), 1U);
    delivery_->onEnd = [] { return fail<>(SmtpTemporaryError(452, "disk\r\nfull")); };
    EXPECT_EQ(say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n"),
              "250 OK\r\n250 OK\r\n354 end with <CRLF>.<CRLF>\r\n452 disk  full\r\n");
    delivery_->onEnd = []() -> Deferred<> { throw SmtpError(200, "no refusal"); };
    EXPECT_EQ(codes(say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n")), "250 250 354 451");
    EXPECT_EQ(flushLoggedErrors("no refusal").size(), 1U);
}

// A message that throws refuses what is left of itself, at its end.
TEST_P(SmtpServerTest, refusesAMessageThatThrows) {
    connect();
    delivery_->onLine = [](std::string_view line) {
        if (line == "virus") {
            throw SmtpPermanentError(554, "no viruses");
        }
        if (line == "bug") {
            throw std::runtime_error("a secret");
        }
    };
    EXPECT_EQ(codes(say("HELO x\r\n")), "250");
    const std::string begin = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n";
    EXPECT_EQ(codes(say(begin + "ok\r\nvirus\r\nmore\r\n.\r\n")), "250 250 250 354 554");
    EXPECT_EQ(codes(say(begin + "bug\r\nbug\r\n.\r\nNOOP\r\n")), "250 250 250 354 451 250");
    EXPECT_EQ(flushLoggedErrors("a secret").size(), 1U);
    ASSERT_EQ(delivery_->mail.size(), 4U);
    EXPECT_EQ(delivery_->mail[0].text, "ok\n");
    for (const RecordedMail& mail : delivery_->mail) {
        EXPECT_TRUE(mail.lost);
        EXPECT_FALSE(mail.whole);
    }
}

// A delivery that takes its time holds up what follows, and is not timed out.
TEST_P(SmtpServerTest, waitsForTheDelivery) {
    options_.limits.delivery = 3 * kSmtpIdleTimeout;
    connect();
    EXPECT_EQ(codes(say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<later@d>\r\nNOOP\r\n")), "250 250");
    clock_.advance(2 * kSmtpIdleTimeout);
    EXPECT_EQ(flush(), "");
    delivery_->waiting->callback();
    EXPECT_EQ(codes(flush()), "250 250");
    clock_.advance(kSmtpIdleTimeout);
    EXPECT_EQ(codes(flush()), "421");
}

// When the connection goes meanwhile, the delivery is cancelled, and a message hears of it.
TEST_P(SmtpServerTest, letsGoWithTheConnection) {
    connect();
    say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<later@d>\r\n");
    pump_->cut();
    EXPECT_FALSE(delivery_->waiting->pending());
    connect();
    say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhalf\r\n");
    pump_->cut();
    ASSERT_EQ(delivery_->mail.size(), 1U);
    EXPECT_TRUE(delivery_->mail[0].lost);
    EXPECT_FALSE(delivery_->mail[0].whole);
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// What the delivery fails with when nobody is left to be told is logged.
TEST_P(SmtpServerTest, logsWhatComesTooLate) {
    const Deferred<> writing([](const Deferred<>& self) {
        self.errback(Failure::make<std::runtime_error>("half written"));
    });
    delivery_->onEnd = [&] { return writing; };
    connect();
    say("HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n.\r\n");
    pump_->cut();
    EXPECT_EQ(flushLoggedErrors("half written").size(), 1U);
}

class SmtpLeavingTest : public testing::LeavingTest {};

// Over TCP the server notices that a client has left which waits for the delivery, also when that
// has sent on meanwhile.
TEST_F(SmtpLeavingTest, isNoticed) {
    const auto delivery = makeRef<RecordingDelivery>();
    leave(
        makeRef<SmtpFactory>(reactor(), delivery),
        "HELO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<later@d>\r\nNOOP\r\n",
        [&] { return delivery->waiting.has_value(); },
        [&] { return delivery->waiting.has_value() && !delivery->waiting->pending(); });
}

// RFC 5321 §4.1.1: blanks at the end of a command are let be.
TEST_P(SmtpServerTest, ignoresBlanksAtTheEnd) {
    connect();
    EXPECT_EQ(codes(say("HELO x \r\nNOOP \t\r\nMAIL FROM:<a@b> \r\nRCPT TO:<c@d>\t\r\n"
                        "DATA  \r\n.\r\n")),
              "250 250 250 250 354 250");
}

/// Answers in coroutines that look at what they got once `turn` has fired.
class CoroutineDelivery final : public IMessageDelivery {
public:
    Deferred<MailAddress> validateFrom(SmtpSession session, MailAddress origin) override {
        co_await turn->deferred();
        seen += session.helo + ' ' + origin.toString() + '\n';
        co_return origin;
    }
    Deferred<MessageMaker> validateTo(SmtpSession session, MailAddress origin,
                                      MailAddress recipient) override {
        try {
            co_await turn->deferred();
        } catch (const CancelledError&) {
            seen += "cancelled ";  // with the connection
        }
        seen += session.helo + ' ' + origin.toString() + ' ' + recipient.toString() + '\n';
        throw SmtpBadRcpt(recipient.toString());
    }

    std::optional<DeferredSource<>> turn;
    std::string seen;
};

// A delivery may be a coroutine, whose arguments live as long as it does: also when the command,
// or the connection, is gone.
TEST(SmtpDelivery, mayBeACoroutine) {
    testing::Clock clock;
    const auto delivery = makeRef<CoroutineDelivery>();
    const auto server = makeRef<SmtpFactory>(clock, delivery)->buildProtocol({});
    testing::StringTransport transport;
    server->makeConnection(transport);
    delivery->turn.emplace();
    testing::feed(*server, "HELO a.long.enough.host.name.test\r\nMAIL FROM:<a@b>\r\n");
    delivery->turn->callback();
    EXPECT_EQ(delivery->seen, "a.long.enough.host.name.test a@b\n");
    delivery->seen.clear();
    delivery->turn.emplace();
    testing::feed(*server, "RCPT TO:<a.long.enough.recipient@host.test>\r\n");
    transport.disconnect();
    server->connectionLost(ConnectionDone());
    EXPECT_EQ(delivery->seen,
              "cancelled a.long.enough.host.name.test a@b "
              "a.long.enough.recipient@host.test\n");
}

// What cannot be served is refused at once.
TEST(SmtpFactory, refusesOptionsThatCannotHold) {
    testing::Clock clock;
    const auto delivery = makeRef<RecordingDelivery>();
    const auto make = [&](SmtpOptions options, Ref<IMessageDelivery> to) {
        makeRef<SmtpFactory>(clock, std::move(to), std::move(options));
    };
    EXPECT_THROW(make({}, {}), std::invalid_argument);
    EXPECT_THROW(make({.host = ""}, delivery), std::invalid_argument);
    EXPECT_THROW(make({.requireTls = true}, delivery), std::invalid_argument);
    EXPECT_THROW(make({.requireAuth = true}, delivery), std::invalid_argument);
    EXPECT_NO_THROW(make({}, delivery));
}

}  // namespace
}  // namespace marline::smtp
