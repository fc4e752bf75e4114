// Mail with Debian's swaks, and with Twisted, at the other end.
#include <marline/protocols/smtp/send_mail.hpp>
#include <marline/protocols/smtp/smtp_factory.hpp>

#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/endpoints.hpp>

#include <test/interop/peer_program.hpp>
#include <test/protocols/smtp/recorded_mail.hpp>
#include <test/reactor/tls/tls_bed.hpp>
#include <test/support/deferred_outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace marline::smtp {
namespace {

using testing::Outcome;

const std::string kPeer = MARLINE_INTEROP_FOLDER "/smtp_peer.py";

class SmtpInteropTest : public testing::InteropTest {
protected:
    void needTwisted() {
        if (runToEnd("/usr/bin/python3", {"-c", "import twisted.mail.smtp, OpenSSL"}) != "") {
            GTEST_SKIP() << "Debian's python3-twisted and python3-openssl are not installed";
        }
    }
    /// Serves, with TLS and AUTH; where.
    std::string listen() {
        port_ = reactor().listenTcp(
            0,
            makeRef<SmtpFactory>(reactor(), delivery_,
                                 SmtpOptions{.host = "mail.test",
                                             .tls = testing::serverContext(),
                                             .checkCredentials =
                                                 [](const SmtpCredentials& who) {
                                                     return succeed(who.user == "me" &&
                                                                    who.password == "secret");
                                                 }}),
            {.interface = "127.0.0.1"});
        return std::to_string(port_->getHost().port);
    }

    Ref<RecordingDelivery> delivery_ = makeRef<RecordingDelivery>();
    Ref<IListeningPort> port_;
    test::TempFolder folder_;
};

// swaks sends: in the clear, to one who is refused, with PIPELINING, and under TLS with AUTH.
TEST_F(SmtpInteropTest, servesSwaks) {
    const std::string swaks = find("swaks");
    if (swaks.empty()) {
        GTEST_SKIP() << "Debian's swaks is not installed";
    }
    const std::string port = listen();
    const auto send = [&](std::vector<std::string> more) {
        std::vector<std::string> args = {"--server", "127.0.0.1", "--port",         port,
                                         "--from",   "a@b.test",  "--helo",         "swaks.test",
                                         "--body",   ".\n..\nhi", "--suppress-data"};
        args.insert(args.end(), more.begin(), more.end());
        return runToEnd(swaks, args);
    };
    const std::string plain = send({"--to", "c@d.test"});
    EXPECT_NE(plain.find("250 message accepted"), std::string::npos) << plain;
    ASSERT_EQ(delivery_->mail.size(), 1U);
    EXPECT_NE(delivery_->mail[0].text.find("\n\n.\n..\nhi\n"), std::string::npos)
        << delivery_->mail[0].text;
    EXPECT_EQ(delivery_->mail[0].from, "a@b.test");
    EXPECT_EQ(delivery_->sessions[0].helo, "swaks.test");
    const std::string refused = send({"--to", "nobody@d.test", "--pipeline"});
    EXPECT_NE(refused.find("550 Cannot receive"), std::string::npos) << refused;
    const std::string piped = send({"--to", "c@d.test,e@f.test", "--pipeline"});
    EXPECT_NE(piped.find("250 message accepted"), std::string::npos) << piped;
    EXPECT_EQ(delivery_->mail.size(), 3U);
    for (const std::string how : {"PLAIN", "LOGIN"}) {
        const std::string secure = send({"--to", "c@d.test", "--tls", "--auth", how, "--auth-user",
                                         "me", "--auth-password", "secret"});
        EXPECT_NE(secure.find("250 message accepted"), std::string::npos) << secure;
        EXPECT_EQ(delivery_->sessions.back().user, "me");
        EXPECT_TRUE(delivery_->sessions.back().tls);
    }
    EXPECT_EQ(delivery_->mail.size(), 5U);
}

// Twisted's ESMTP client sends, with STARTTLS and AUTH.
TEST_F(SmtpInteropTest, servesTwisted) {
    needTwisted();
    if (IsSkipped()) {
        return;
    }
    const std::string ca = folder_.write("ca.pem", testing::authority().certificatePem());
    const std::string port = listen();
    EXPECT_EQ(runToEnd("/usr/bin/python3", {kPeer, "client", port, ca}),
              "sent 1: c@d.test 250, nobody@d.test 550\n");
    ASSERT_EQ(delivery_->mail.size(), 1U);
    EXPECT_EQ(delivery_->mail[0].text, "Subject: twisted\n\n.\n..dots\n");
    EXPECT_TRUE(delivery_->sessions.back().tls);
    EXPECT_EQ(delivery_->sessions.back().user, "me");
}

// Twisted's ESMTP server takes, with STARTTLS and AUTH LOGIN; what it refuses is told.
TEST_F(SmtpInteropTest, sendsToTwisted) {
    needTwisted();
    if (IsSkipped()) {
        return;
    }
    const testing::PemPair& pair = testing::serverPair();
    const std::string pem = folder_.write("server.pem", pair.key + pair.certificate);
    const Ref<testing::PeerOutput> server = start("/usr/bin/python3", {kPeer, "server", pem});
    runUntil([&] { return server->text.ends_with('\n') || server->ended; });
    ASSERT_FALSE(server->ended) << server->text;
    TcpClientEndpoint endpoint(
        reactor(),
        {Address::Kind::Ipv4, static_cast<std::uint16_t>(std::stoul(server->text)), "127.0.0.1"});
    server->text.clear();
    const auto send = [&](const std::string& password, std::vector<std::string> to) {
        Outcome<SmtpSent> sent(sendMail(reactor(), endpoint, "a@b.test", to,
                                        "Subject: x\n\n.\n..dots\n",
                                        {.host = testing::kHost,
                                         .context = testing::clientContext(),
                                         .credentials = SmtpCredentials{"me", password}}));
        runUntil([&] { return sent.fired(); });
        return sent;
    };
    const auto sent = send("secret", {"c@d.test", "nobody@d.test"});
    ASSERT_TRUE(sent.ok()) << sent.message();
    EXPECT_EQ(sent.value().accepted(), 1U);
    EXPECT_EQ(sent.value().answers.at(1).code, 550);
    runUntil([&] { return server->text.ends_with("end\n") || server->ended; });
    EXPECT_EQ(server->text, "Subject: x||.|..dots|end\n");
    const auto wrong = send("wrong", {"c@d.test"});
    EXPECT_NE(wrong.failed<SmtpPermanentError>(), nullptr) << wrong.message();
    const auto nobody = send("secret", {"nobody@d.test"});
    EXPECT_NE(nobody.failed<SmtpDeliveryError>(), nullptr) << nobody.message();
}

}  // namespace
}  // namespace marline::smtp
