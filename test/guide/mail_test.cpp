// The snippets of docs/howto/mail.md; test/interop speaks with swaks and with Twisted.
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/smtp/send_mail.hpp>
#include <marline/protocols/smtp/smtp_factory.hpp>
#include <marline/reactor/endpoints.hpp>

#include "test/guide/printed.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

class Printing : public smtp::IMessage {
public:
    void lineReceived(std::string_view line) override { text_.append(line).append("\n"); }
    Deferred<> eomReceived() override {
        std::cout << text_;
        return succeed();  // now it is ours: the client hears 250
    }
    void connectionLost() override {}

private:
    std::string text_;
};

class Local : public smtp::IMessageDelivery {
public:
    Deferred<smtp::MailAddress> validateFrom(smtp::SmtpSession, smtp::MailAddress origin) override {
        return succeed(std::move(origin));
    }
    Deferred<smtp::MessageMaker> validateTo(smtp::SmtpSession, smtp::MailAddress,
                                            smtp::MailAddress recipient) override {
        if (recipient.domain != "example.org") {
            throw smtp::SmtpBadRcpt(recipient.toString());
        }
        return succeed(smtp::MessageMaker([] { return makeRef<Printing>(); }));
    }
};

Ref<IProtocolFactory> mailServer(Reactor& reactor) {
    return makeRef<smtp::SmtpFactory>(reactor, makeRef<Local>());
}

// A message arrives, with its trace field; one for somebody else is refused.
TEST(GuideMail, receiving) {
    Reactor reactor;
    const auto port = reactor.listenTcp(0, mailServer(reactor), {.interface = "127.0.0.1"});
    TcpClientEndpoint endpoint(reactor, port->getHost());
    const test::Printed printed;
    bool done = false;
    smtp::sendMail(reactor, endpoint, "me@example.org", {"you@example.org"}, "hello\n",
                   {.tls = smtp::SmtpTls::None})
        .addCallback([](const smtp::SmtpSent& sent) { std::cout << sent.accepted() << " sent\n"; })
        .addCallback([&] {
            return smtp::sendMail(reactor, endpoint, "me@example.org", {"you@example.com"}, "",
                                  {.tls = smtp::SmtpTls::None});
        })
        .addBoth([&](const Result<smtp::SmtpSent>& sent) {
            std::cout << sent.ok();
            done = true;
        });
    test::runUntil(reactor, [&] { return done; });
    EXPECT_TRUE(printed.text().starts_with("Received: from localhost ([127.0.0.1])"));
    EXPECT_TRUE(printed.text().ends_with("\nhello\n1 sent\n0")) << printed.text();
}

// Where there is no TLS, nothing is sent.
TEST(GuideMail, sending) {
    Reactor reactor;
    const auto port = reactor.listenTcp(0, mailServer(reactor), {.interface = "127.0.0.1"});
    TcpClientEndpoint endpoint(reactor, port->getHost());
    const test::Printed printed;
    smtp::SendMailOptions options;
    options.host = "mail.example.org";
    options.credentials = smtp::SmtpCredentials{"me", "secret"};
    smtp::sendMail(reactor, endpoint, "me@example.org", {"you@example.org"},
                   "Subject: hello\n\nHow are you?\n", options)
        .addCallbacks([](const smtp::SmtpSent& sent) { std::cout << sent.accepted() << " sent\n"; },
                      [](const Failure& why) { std::cout << why.message() << '\n'; });
    test::runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_NE(printed.text().find("STARTTLS"), std::string::npos) << printed.text();
}

}  // namespace
