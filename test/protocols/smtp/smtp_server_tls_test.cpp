// The mail server's STARTTLS and AUTH.
#include <string>

#include <gtest/gtest.h>

#include <marline/protocols/detail/base64.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <marline/reactor/tls.hpp>

#include <test/protocols/framing.hpp>
#include <test/protocols/smtp/smtp_server_fixture.hpp>
#include <test/reactor/tls/tls_bed.hpp>

namespace marline::smtp {
namespace {

class SmtpTlsTest : public SmtpServerTest {
protected:
    SmtpTlsTest() {
        options_.tls = testing::serverContext();
        options_.limits.refusals = 100;
        options_.checkCredentials = [this](const SmtpCredentials& who) {
            checked_ += who.user + '/' + who.password + ' ';
            if (who.user == "broken") {
                throw SmtpTemporaryError(454, "no data base");
            }
            return succeed(who.password == "secret");
        };
    }
    /// Connects and goes on under TLS.
    void connectTls() {
        connect();
        EXPECT_EQ(codes(say("EHLO x\r\nSTARTTLS\r\n")), "250-250-250-250-250 220");
        startTls(*client_->transport(), testing::clientContext(), clock_, testing::kHost);
        pump_->flush();
        ASSERT_NE(client_->transport(), nullptr);
    }
    /// `AUTH PLAIN` with these three parts.
    static std::string plain(const std::string& authorize, const std::string& user,
                             const std::string& password) {
        return "AUTH PLAIN " +
               marline::detail::encodeBase64(authorize + '\0' + user + '\0' + password) + "\r\n";
    }

    std::string checked_;
};

class SmtpBrokenTest : public testing::TestCase {};

INSTANTIATE_TEST_SUITE_P(Chunks, SmtpTlsTest, ::testing::Values(100, 16384));

// RFC 3207: STARTTLS is offered once, AUTH under TLS only; what was said before is forgotten.
TEST_P(SmtpTlsTest, beginsAnewUnderTls) {
    connect();
    const std::string before = say("EHLO early\r\nMAIL FROM:<a@b>\r\n");
    EXPECT_NE(before.find("250-STARTTLS\r\n"), std::string::npos);
    EXPECT_EQ(before.find("AUTH"), std::string::npos);
    EXPECT_EQ(codes(say(plain("", "me", "secret"))), "538");
    EXPECT_EQ(codes(say("STARTTLS x\r\nSTARTTLS\r\n")), "501 220");
    startTls(*client_->transport(), testing::clientContext(), clock_, testing::kHost);
    EXPECT_EQ(codes(say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")), "503 503");
    const std::string after = say("EHLO x\r\n");
    EXPECT_EQ(after.find("STARTTLS"), std::string::npos);
    EXPECT_NE(after.find("250-AUTH PLAIN LOGIN\r\n"), std::string::npos);
    EXPECT_EQ(codes(say("STARTTLS\r\nMAIL FROM:<a@b>\r\n")), "503 250");
    EXPECT_TRUE(delivery_->sessions.back().tls);
    EXPECT_EQ(checked_, "");
}

// CVE-2011-0411: commands that somebody put behind STARTTLS in the clear are never carried out.
TEST_P(SmtpTlsTest, takesNothingBehindStartTls) {
    connect();
    say("EHLO x\r\n");
    client_->write("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b>\r\nRCPT TO:<c@d>\r\n");
    pump_->flush();
    clock_.advance(kTlsHandshakeTimeout);
    pump_->flush();
    EXPECT_TRUE(client_->closed());
    EXPECT_EQ(client_->data().find("250 OK"), std::string::npos);
    EXPECT_TRUE(delivery_->sessions.empty());
}

// RFC 4954, RFC 4616: PLAIN in one line or two, LOGIN in two or three.
TEST_P(SmtpTlsTest, authenticates) {
    const std::string user = marline::detail::encodeBase64("me") + "\r\n";
    const std::string password = marline::detail::encodeBase64("secret") + "\r\n";
    const std::string right = plain("", "me", "secret");
    for (const auto& [said, answer] : {std::pair{right, "235"},
                                       {plain("me", "me", "secret"), "235"},
                                       {"AUTH plain\r\n" + right.substr(11), "334 235"},
                                       {"AUTH LOGIN\r\n" + user + password, "334 334 235"},
                                       {"AUTH LOGIN " + user + password, "334 235"}}) {
        connectTls();
        say("EHLO x\r\n");
        EXPECT_EQ(codes(say(said)), answer) << said;
        EXPECT_EQ(codes(say(right + "MAIL FROM:<a@b> AUTH=<>\r\n")), "503 250");
        EXPECT_EQ(delivery_->sessions.back().user, "me");
        options_ = SmtpOptions{.tls = testing::serverContext(),
                               .checkCredentials = [](const auto&) { return succeed(true); }};
    }
    EXPECT_EQ(checked_, "me/secret ");
}

// What does not authenticate, each with its answer; LOGIN prompts as everybody expects.
TEST_P(SmtpTlsTest, refusesToAuthenticate) {
    connectTls();
    EXPECT_EQ(codes(say(plain("", "me", "secret") + "EHLO x\r\n")), "503 250-250-250-250-250");
    EXPECT_EQ(codes(say(plain("", "me", "wrong"))), "535");
    EXPECT_EQ(codes(say(plain("other", "me", "secret"))), "535");
    EXPECT_EQ(codes(say(plain("", "", "secret"))), "535");
    EXPECT_EQ(codes(say(plain("", "broken", "secret"))), "454");
    EXPECT_EQ(codes(say("AUTH PLAIN =\r\nAUTH PLAIN x\r\nAUTH PLAIN bWU=\r\n")), "501 501 501");
    EXPECT_EQ(codes(say("AUTH CRAM-MD5\r\nAUTH\r\n")), "504 504");
    EXPECT_EQ(say("AUTH LOGIN\r\n*\r\n"), "334 VXNlcm5hbWU6\r\n501 cancelled\r\n");
    EXPECT_EQ(say("AUTH LOGIN bWU=\r\n!\r\n"), "334 UGFzc3dvcmQ6\r\n501 that is no base64\r\n");
    EXPECT_EQ(codes(say("MAIL FROM:<a@b>\r\n" + plain("", "me", "secret"))), "250 503");
    EXPECT_EQ(checked_, "me/wrong broken/secret ");
}

// kMaxAuthLine: longer than other commands, and not endless.
TEST_P(SmtpTlsTest, limitsAuthLines) {
    connectTls();
    say("EHLO x\r\n");
    EXPECT_EQ(codes(say("AUTH PLAIN\r\n" + std::string(kMaxAuthLine - 4, 'A') + "\r\n")),
              "334 535");
    EXPECT_EQ(codes(say("AUTH PLAIN\r\n" + std::string(kMaxAuthLine - 1, 'A') + "\r\nNOOP\r\n")),
              "334 500 250");
    const std::string longer(600, 'A');
    EXPECT_EQ(codes(say("NOOP " + longer + "\r\nauth PLAIN " + longer + "\r\n")), "500 535")
        << "SmtpLimits::commandLine holds for all other commands";
}

// What goes wrong while lines are read on, after the delivery has answered, ends the connection: a
// transport that cannot do TLS, for one.
TEST_F(SmtpBrokenTest, endsWhenItCannotReadOn) {
    testing::Clock clock;
    const auto delivery = makeRef<RecordingDelivery>();
    const auto server =
        makeRef<SmtpFactory>(clock, delivery, SmtpOptions{.tls = testing::serverContext()})
            ->buildProtocol({});
    testing::StringTransport transport;
    server->makeConnection(transport);
    testing::feed(*server, "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<later@d>\r\nSTARTTLS\r\n");
    EXPECT_FALSE(transport.disconnecting());
    delivery->waiting->callback();
    EXPECT_TRUE(transport.aborted());
    EXPECT_EQ(flushLoggedErrors("SMTP: the connection cannot go on").size(), 1U);
    transport.disconnect();
    server->connectionLost(ConnectionDone());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// SmtpOptions::requireTls and requireAuth.
TEST_P(SmtpTlsTest, takesNoMailBefore) {
    options_.requireTls = true;
    options_.requireAuth = true;
    connect();
    EXPECT_EQ(codes(say("EHLO x\r\nMAIL FROM:<a@b>\r\nSTARTTLS\r\n")),
              "250-250-250-250-250 530 220");
    startTls(*client_->transport(), testing::clientContext(), clock_, testing::kHost);
    EXPECT_EQ(codes(say("EHLO x\r\nMAIL FROM:<a@b>\r\n")), "250-250-250-250-250 530");
    EXPECT_EQ(codes(say(plain("", "me", "secret") + "MAIL FROM:<a@b>\r\n")), "235 250");
}

// TLS from the start: AUTH is offered, STARTTLS is not.
TEST_P(SmtpTlsTest, servesUnderTlsFromTheStart) {
    const auto factory =
        tlsServerFactory(testing::serverContext(), clock_,
                         makeRef<SmtpFactory>(clock_, delivery_, std::move(options_)));
    testing::MemoryPipe pipe(GetParam());
    const auto client = makeRef<testing::AccumulatingProtocol>();
    const auto connecting = wrapClientTls(clock_, testing::clientContext(), testing::kHost,
                                          makeRef<testing::PipeEndpoint>(pipe, factory))
                                ->connect(factoryOf([&](const Address&) { return client; }));
    pipe.run();
    client->write("EHLO x\r\n");
    pipe.run();
    EXPECT_NE(client->data().find("AUTH"), std::string::npos) << client->data();
    EXPECT_EQ(client->data().find("STARTTLS"), std::string::npos);
}

}  // namespace
}  // namespace marline::smtp
