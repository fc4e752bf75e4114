// sendMail() with a server whose every word the test says, and with the library's own.
#include <marline/protocols/smtp/send_mail.hpp>

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/protocols/smtp/smtp_factory.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/gtest.hpp>
#include <marline/reactor/testing/io_pump.hpp>
#include <marline/reactor/tls.hpp>

#include <test/protocols/smtp/recorded_mail.hpp>
#include <test/reactor/tls/tls_bed.hpp>
#include <test/support/deferred_outcome.hpp>
#include <test/support/pump_endpoint.hpp>

namespace marline::smtp {
namespace {

using testing::Outcome;

class SendMailTest : public testing::TestCase, public ::testing::WithParamInterface<std::size_t> {
protected:
    Outcome<SmtpSent> begin(Ref<IProtocol> server, SendMailOptions options = {.tls = SmtpTls::None},
                            std::vector<std::string> to = {"c@d"},
                            std::string_view message = "hi\n") {
        testing::PumpEndpoint endpoint(pump_, std::move(server), GetParam());
        return Outcome<SmtpSent>(
            sendMail(clock_, endpoint, "a@b", to, message, std::move(options)));
    }
    /// The server says this; what the client says then.
    std::string say(std::string_view text) {
        server_->write(text);
        pump_->flush();
        return server_->take();
    }
    static SendMailOptions withTls(SmtpTls tls = SmtpTls::Required) {
        return {.tls = tls, .host = testing::kHost, .context = testing::clientContext()};
    }

    testing::Clock clock_;
    std::unique_ptr<testing::IoPump> pump_;
    Ref<testing::AccumulatingProtocol> server_ = makeRef<testing::AccumulatingProtocol>();
};

INSTANTIATE_TEST_SUITE_P(Chunks, SendMailTest, ::testing::Values(1, 7, 16384));

// RFC 5321 appendix D, step by step; the Deferred fires before the goodbye.
TEST_P(SendMailTest, saysOneCommandAfterTheOther) {
    const auto sent = begin(server_, {.helo = "me.test", .tls = SmtpTls::None}, {"c@d", "e@f"},
                            ".dot\r\nno dot.\n\n..");
    EXPECT_EQ(say("220-hello\r\n220 there\r\n"), "EHLO me.test\r\n");
    EXPECT_EQ(say("250-x\r\n250 HELP\r\n"), "MAIL FROM:<a@b>\r\n");
    EXPECT_EQ(say("250 ok\r\n"), "RCPT TO:<c@d>\r\n");
    EXPECT_EQ(say("550 no\r\n"), "RCPT TO:<e@f>\r\n");
    EXPECT_EQ(say("251\r\n"), "DATA\r\n");
    EXPECT_EQ(say("354 go\r\n"), "..dot\r\nno dot.\r\n\r\n...\r\n.\r\n");
    EXPECT_FALSE(sent.fired());
    EXPECT_EQ(say("250 queued as 1\r\n"), "QUIT\r\n");
    ASSERT_TRUE(sent.ok()) << sent.message();
    EXPECT_EQ(sent.value().accepted(), 1U);
    EXPECT_EQ(sent.value().text, "queued as 1");
    ASSERT_EQ(sent.value().answers.size(), 2U);
    EXPECT_EQ(sent.value().answers[0].recipient, "c@d");
    EXPECT_EQ(sent.value().answers[0].code, 550);
    EXPECT_EQ(sent.value().answers[0].text, "no");
    EXPECT_EQ(sent.value().answers[1].code, 251);
    say("221 bye\r\n");
    EXPECT_TRUE(server_->closedWith<ConnectionDone>());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// RFC 2920, RFC 1870, RFC 6152: what the server offers is used.
TEST_P(SendMailTest, usesWhatIsOffered) {
    const auto sent = begin(server_, {.tls = SmtpTls::None}, {"c@d", "e@f"}, "\xc3\xa4\n.\n");
    say("220 x\r\n");
    EXPECT_EQ(say("250-x\r\n250-pipelining\r\n250-8bitmime\r\n250 size 0\r\n"),
              "MAIL FROM:<a@b> SIZE=7 BODY=8BITMIME\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n");
    EXPECT_EQ(say("250 x\r\n250 x\r\n250 x\r\n"), "DATA\r\n");
    say("354 x\r\n250 x\r\n");
    EXPECT_TRUE(sent.ok()) << sent.message();
}

// A server that knows no EHLO is told HELO.
TEST_P(SendMailTest, fallsBackToHelo) {
    const auto sent = begin(server_);
    say("220 x\r\n");
    EXPECT_EQ(say("502 what\r\n"), "HELO localhost\r\n");
    EXPECT_EQ(say("250 x\r\n"), "MAIL FROM:<a@b>\r\n");
    say("250 x\r\n250 x\r\n");
}

// Each refusal is an error of its kind, with the server's code and words, and ends with QUIT.
TEST_P(SendMailTest, failsAsTheServerRefuses) {
    for (const std::string before :
         {"", "220 x\r\n", "220 x\r\n250 x\r\n", "220 x\r\n250 x\r\n250 x\r\n250 x\r\n",
          "220 x\r\n250 x\r\n250 x\r\n250 x\r\n354 x\r\n"}) {
        server_ = makeRef<testing::AccumulatingProtocol>();
        const auto sent = begin(server_);
        for (std::size_t at = 0; at < before.size(); at = before.find('\n', at) + 1) {
            say(before.substr(at, before.find('\n', at) + 1 - at));
        }
        EXPECT_EQ(say("450-not\r\n450 now\r\n"), "QUIT\r\n");
        ASSERT_NE(sent.failed<SmtpTemporaryError>(), nullptr) << sent.message();
        EXPECT_EQ(sent.failed<SmtpTemporaryError>()->code(), 450);
        EXPECT_EQ(sent.failed<SmtpTemporaryError>()->text(), "not\nnow");
        say("221 x\r\n");
        EXPECT_TRUE(server_->closed());
    }
    server_ = makeRef<testing::AccumulatingProtocol>();
    const auto sent = begin(server_);
    say("554 go away\r\n");
    EXPECT_NE(sent.failed<SmtpPermanentError>(), nullptr) << sent.message();
}

// When no recipient is left there is no message; after a pipelined MAIL the other answers come in.
TEST_P(SendMailTest, failsWithoutRecipients) {
    const auto sent = begin(server_, {.tls = SmtpTls::None}, {"c@d", "e@f"});
    say("220 x\r\n");
    say("250-x\r\n250 PIPELINING\r\n");
    EXPECT_EQ(say("250 x\r\n550 one\r\n451 two\r\n"), "QUIT\r\n");
    ASSERT_NE(sent.failed<SmtpDeliveryError>(), nullptr) << sent.message();
    EXPECT_EQ(sent.failed<SmtpDeliveryError>()->code(), 550);
    EXPECT_EQ(sent.failed<SmtpDeliveryError>()->answers().at(1).text, "two");
    server_ = makeRef<testing::AccumulatingProtocol>();
    const auto second = begin(server_);
    say("220 x\r\n");
    say("250-x\r\n250 PIPELINING\r\n");
    EXPECT_EQ(say("550 no\r\n503 x\r\n"), "QUIT\r\n");
    EXPECT_FALSE(server_->closed());
    say("221 x\r\n");
    EXPECT_TRUE(server_->closed());
    EXPECT_NE(second.failed<SmtpPermanentError>(), nullptr) << second.message();
}

// 421 may come at any time (RFC 5321 §3.8).
TEST_P(SendMailTest, failsWhenTheServerGoes) {
    const auto sent = begin(server_);
    say("220 x\r\n421 going down\r\n");
    ASSERT_NE(sent.failed<SmtpTemporaryError>(), nullptr) << sent.message();
    EXPECT_TRUE(server_->closed());
}

// What is no SMTP, or too much of it, or an answer to nothing.
TEST_P(SendMailTest, failsWhenItMakesNoSense) {
    std::string lines;
    for (std::size_t i = 0; i <= kMaxReplyLines; ++i) {
        lines += "220-x\r\n";
    }
    for (const std::string& said :
         {std::string("HTTP/1.1 400\r\n"), std::string("22\r\n"), std::string("220x\r\n"),
          std::string("120 x\r\n"), std::string("620 x\r\n"), std::string("\r\n"),
          std::string("220-x\r\n221 x\r\n"), std::string("250 x\r\n"), lines,
          "220 " + std::string(kMaxReplyLine - 3, 'x') + "\r\n",
          std::string("220 x\r\n250 x\r\n250 x\r\n250 x\r\n250 x\r\n")}) {
        server_ = makeRef<testing::AccumulatingProtocol>();
        const auto sent = begin(server_);
        say(said);
        EXPECT_NE(sent.failed<SmtpProtocolError>(), nullptr) << sent.message() << said;
        EXPECT_TRUE(server_->closed());
    }
}

// RFC 5321 §4.3.2: what begins with 2 is a yes, above all when the server has taken the message.
TEST_P(SendMailTest, looksAtTheFirstDigit) {
    const auto sent = begin(server_);
    say("220 x\r\n");
    EXPECT_EQ(say("252 x\r\n"), "MAIL FROM:<a@b>\r\n");
    EXPECT_EQ(say("252 x\r\n"), "RCPT TO:<c@d>\r\n");
    say("252 x\r\n");
    say("354 x\r\n");
    EXPECT_EQ(say("252 queued\r\n"), "QUIT\r\n");
    ASSERT_TRUE(sent.ok()) << sent.message();
    EXPECT_EQ(sent.value().text, "queued");
}

// kMaxReplyLine and kMaxReplyLines are let in.
TEST_P(SendMailTest, readsTheLongestAnswer) {
    const auto sent = begin(server_);
    std::string lines;
    for (std::size_t i = 1; i < kMaxReplyLines; ++i) {
        lines += "220-x\r\n";
    }
    EXPECT_EQ(say(lines + "220 " + std::string(kMaxReplyLine - 4, 'x') + "\r\n"),
              "EHLO localhost\r\n");
}

// A connection that ends, falls silent, or is not waited for.
TEST_P(SendMailTest, endsWithoutAnAnswer) {
    const auto closed = begin(server_);
    server_->transport()->loseConnection();
    pump_->flush();
    EXPECT_NE(closed.failed<SmtpProtocolError>(), nullptr) << closed.message();
    server_ = makeRef<testing::AccumulatingProtocol>();
    const auto cut = begin(server_);
    pump_->cut();
    EXPECT_NE(cut.failed<ConnectionLost>(), nullptr) << cut.message();
    server_ = makeRef<testing::AccumulatingProtocol>();
    const auto late = begin(server_);
    clock_.advance(kSmtpReplyTimeout);
    pump_->flush();
    EXPECT_NE(late.failed<TimeoutError>(), nullptr) << late.message();
    EXPECT_TRUE(server_->closed());
    server_ = makeRef<testing::AccumulatingProtocol>();
    auto cancelled = begin(server_);
    cancelled.cancel();
    pump_->flush();
    EXPECT_NE(cancelled.failed<CancelledError>(), nullptr) << cancelled.message();
    EXPECT_TRUE(server_->closed());
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// A message that is still being taken is not late, however long it is; then its answer may be.
TEST_P(SendMailTest, waitsForALongMessage) {
    const auto sent = begin(server_, {.tls = SmtpTls::None}, {"c@d"}, std::string(900, 'x') + "\n");
    for (const char* answer : {"220 x\r\n", "250 x\r\n", "250 x\r\n", "250 x\r\n"}) {
        say(answer);
    }
    server_->write("354 x\r\n");
    while (pump_->client().bytesBuffered() == 0) {
        ASSERT_TRUE(pump_->pump());
    }
    do {
        pump_->pump();
        clock_.advance(kSmtpDeliveryTimeout);
        EXPECT_FALSE(sent.fired());
    } while (pump_->client().bytesBuffered() > 0);
    clock_.advance(kSmtpDeliveryTimeout);
    EXPECT_NE(sent.failed<TimeoutError>(), nullptr) << sent.message();
}

// What the server says cannot forge lines of a log, where an error's message goes.
TEST_P(SendMailTest, showsTheServersWordsAsOneLine) {
    const auto refused = begin(server_);
    say("554-go\x1b[2J\r\n554 aw\nay\r\n");
    ASSERT_NE(refused.failed<SmtpPermanentError>(), nullptr) << refused.message();
    EXPECT_EQ(refused.failed<SmtpPermanentError>()->text(), "go [2J\naw ay");
    EXPECT_EQ(refused.message(), "554 go [2J aw ay");
    server_ = makeRef<testing::AccumulatingProtocol>();
    const auto wrong = begin(server_);
    say("he\x1bllo\r\n");
    ASSERT_NE(wrong.failed<SmtpProtocolError>(), nullptr) << wrong.message();
    EXPECT_EQ(wrong.message(), "SMTP: no answer: 'he llo'");
}

// The answer to the message has a time of its own, and so has QUIT's, which nobody waits for.
TEST_P(SendMailTest, waitsLongerForTheDelivery) {
    const auto sent = begin(server_);
    for (const char* answer : {"220 x\r\n", "250 x\r\n", "250 x\r\n", "250 x\r\n", "354 x\r\n"}) {
        say(answer);
    }
    clock_.advance(kSmtpDeliveryTimeout - std::chrono::seconds(1));
    EXPECT_FALSE(sent.fired());
    say("250 x\r\n");
    EXPECT_TRUE(sent.ok()) << sent.message();
    clock_.advance(kSmtpQuitTimeout);
    pump_->flush();
    EXPECT_TRUE(server_->closed());
}

// SmtpTls: without an offer Required sends nothing, Opportunistic goes on; credentials never go in
// the clear, whatever is offered.
TEST_P(SendMailTest, keepsItsSecrets) {
    const auto required = begin(server_, withTls());
    say("220 x\r\n");
    EXPECT_EQ(say("250-x\r\n250 AUTH PLAIN\r\n"), "QUIT\r\n");
    EXPECT_NE(required.failed<TlsRequiredError>(), nullptr) << required.message();
    server_ = makeRef<testing::AccumulatingProtocol>();
    const auto refused = begin(server_, withTls());
    say("220 x\r\n");
    EXPECT_EQ(say("250-x\r\n250 STARTTLS\r\n"), "STARTTLS\r\n");
    EXPECT_EQ(say("454 not now\r\n"), "QUIT\r\n");
    EXPECT_NE(refused.failed<TlsRequiredError>(), nullptr) << refused.message();
    server_ = makeRef<testing::AccumulatingProtocol>();
    const auto opportunistic = begin(server_, withTls(SmtpTls::Opportunistic));
    say("220 x\r\n");
    say("250-x\r\n250 STARTTLS\r\n");
    EXPECT_EQ(say("454 not now\r\n"), "MAIL FROM:<a@b>\r\n");
    for (const SmtpTls tls : {SmtpTls::None, SmtpTls::Opportunistic}) {
        server_ = makeRef<testing::AccumulatingProtocol>();
        SendMailOptions options = withTls(tls);
        options.credentials = {"me", "secret"};
        const auto clear = begin(server_, std::move(options));
        say("220 x\r\n");
        EXPECT_EQ(say("250-x\r\n250 AUTH PLAIN LOGIN\r\n"), "QUIT\r\n");
        EXPECT_NE(clear.failed<AuthRequiredError>(), nullptr) << clear.message();
    }
}

// CVE-2021-38371: answers that somebody put behind the one to STARTTLS are not heard.
TEST_P(SendMailTest, hearsNothingBehindStartTls) {
    const auto sent = begin(server_, withTls());
    say("220 x\r\n");
    say("250-x\r\n250 STARTTLS\r\n");
    const std::string said = say("220 go\r\n250-x\r\n250 AUTH PLAIN\r\n235 x\r\n250 x\r\n");
    EXPECT_EQ(said.find("MAIL"), std::string::npos);
    clock_.advance(kTlsHandshakeTimeout);
    pump_->flush();
    EXPECT_TRUE(sent.fired() && !sent.ok()) << sent.message();
}

// 8-bit text is not sent to who does not take it.
TEST_P(SendMailTest, sendsNoBytesThatAreNotTaken) {
    const auto sent = begin(server_, {.tls = SmtpTls::None}, {"c@d"}, "\xff\n");
    say("220 x\r\n");
    EXPECT_EQ(say("250 x\r\n"), "QUIT\r\n");
    EXPECT_NE(sent.failed<SmtpPermanentError>(), nullptr) << sent.message();
}

// What cannot be sent, or could be taken for more than it is, is refused at once.
TEST_P(SendMailTest, refusesWhatCannotBeSent) {
    const SendMailOptions plain{.tls = SmtpTls::None};
    const auto send = [&](const char* from, std::vector<std::string> to, std::string_view message,
                          SendMailOptions options) {
        testing::PumpEndpoint endpoint(pump_, server_, GetParam());
        sendMail(clock_, endpoint, from, to, message, std::move(options));
    };
    EXPECT_THROW(send("a@b>\r\nDATA", {"c@d"}, "", plain), std::invalid_argument);
    EXPECT_THROW(send("a@b", {"c@d\n"}, "", plain), std::invalid_argument);
    EXPECT_THROW(send("a@b", {""}, "", plain), std::invalid_argument);
    EXPECT_THROW(send("a@b", {}, "", plain), std::invalid_argument);
    EXPECT_THROW(send("a@b", {"c@d"}, "a\rb\n", plain), std::invalid_argument);
    EXPECT_THROW(send("a@b", {"c@d"}, "a\r", plain), std::invalid_argument);
    EXPECT_THROW(send("a@b", {"c@d"}, "a\r\r\n", plain), std::invalid_argument);
    EXPECT_THROW(send("a@b", {"c@d"}, std::string(999, 'x'), plain), std::invalid_argument);
    EXPECT_THROW(send("a@b", {"c@d"}, "", {.helo = "a b", .tls = SmtpTls::None}),
                 std::invalid_argument);
    EXPECT_THROW(send("a@b", {"c@d"}, "", {}), std::invalid_argument);
    EXPECT_THROW(
        send("a@b", {"c@d"}, "",
             {.tls = SmtpTls::None, .credentials = SmtpCredentials{std::string("a\0b", 3), ""}}),
        std::invalid_argument);
    EXPECT_EQ(pump_, nullptr);
}

/// The library's server at the other end.
class SendMailToServerTest : public SendMailTest {
protected:
    Outcome<SmtpSent> send(SmtpOptions server, SendMailOptions options,
                           std::string_view message = "hi\n") {
        const auto factory = makeRef<SmtpFactory>(clock_, delivery_, std::move(server));
        auto sent =
            begin(factory->buildProtocol({}), std::move(options), {"c@d", "nobody@d"}, message);
        pump_->flush();
        return sent;
    }
    static UniqueFunction<Deferred<bool>(SmtpCredentials)> secretOf(std::string user) {
        return [user](const SmtpCredentials& who) {
            return succeed(who.user == user && who.password == "secret");
        };
    }

    Ref<RecordingDelivery> delivery_ = makeRef<RecordingDelivery>();
};

INSTANTIATE_TEST_SUITE_P(Chunks, SendMailToServerTest, ::testing::Values(1, 1000, 16384));

// The longest lines, dots wherever they may be, and nothing at all, arrive as they were.
TEST_P(SendMailToServerTest, bringsEveryMessageAcross) {
    const std::string longest = '.' + std::string(997, 'x') + '\n';
    for (const std::string& message : {std::string(), std::string("\n"), std::string(".\n"),
                                       std::string("..\n.\n.x\n\n"), longest + longest}) {
        const auto sent = send({}, {.tls = SmtpTls::None}, message);
        ASSERT_TRUE(sent.ok()) << sent.message();
        EXPECT_EQ(sent.value().accepted(), 1U);
        EXPECT_EQ(delivery_->mail.back().text, message);
        EXPECT_TRUE(pump_->ended());
    }
}

// STARTTLS, then AUTH, then the message.
TEST_P(SendMailToServerTest, sendsUnderTls) {
    SendMailOptions options = withTls();
    options.credentials = {"me", "secret"};
    const auto sent = send({.tls = testing::serverContext(),
                            .requireTls = true,
                            .checkCredentials = secretOf("me"),
                            .requireAuth = true},
                           std::move(options));
    ASSERT_TRUE(sent.ok()) << sent.message();
    EXPECT_EQ(delivery_->sessions.back().user, "me");
    EXPECT_TRUE(delivery_->sessions.back().tls);
    EXPECT_EQ(pump_->client().written().find("MAIL"), std::string::npos);
}

// Wrong credentials, no AUTH, and a certificate for somebody else.
TEST_P(SendMailToServerTest, failsUnderTls) {
    SendMailOptions options = withTls();
    options.credentials = {"you", "secret"};
    const auto wrong =
        send({.tls = testing::serverContext(), .checkCredentials = secretOf("me")}, options);
    ASSERT_NE(wrong.failed<SmtpPermanentError>(), nullptr) << wrong.message();
    EXPECT_EQ(wrong.failed<SmtpPermanentError>()->code(), 535);
    const auto none = send({.tls = testing::serverContext()}, options);
    EXPECT_NE(none.failed<AuthRequiredError>(), nullptr) << none.message();
    options.host = "other.test";
    const auto other = send({.tls = testing::serverContext()}, options);
    EXPECT_NE(other.failed<TlsError>(), nullptr) << other.message();
    options.host = ".";
    const auto nobody = send({.tls = testing::serverContext()}, options);
    EXPECT_NE(nobody.failed<TlsError>(), nullptr) << nobody.message();
    EXPECT_TRUE(delivery_->mail.empty());
}

}  // namespace
}  // namespace marline::smtp
