// The snippets of docs/howto/syslog.md.
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/syslog/receiver.hpp>
#include <marline/protocols/syslog/sender.hpp>
#include <marline/reactor/client_service.hpp>
#include <marline/reactor/endpoints.hpp>

#include "test/guide/printed.hpp"
#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;

namespace {

class Printing : public syslog::Receiver {
    void messageReceived(syslog::Message message, const Address& from) override {
        std::cout << from.host << ' ' << message.appName << ": " << message.text << '\n';
    }
};

/// Keeps the last message.
class Keeping final : public syslog::UdpReceiver {
public:
    void messageReceived(syslog::Message message, const Address&) override { last = message; }

    syslog::Message last;
};

// A message over UDP, with its structured data, and to a daemon that is not there.
TEST(GuideSyslog, sendsDatagrams) {
    Reactor reactor;
    const auto keeping = makeRef<Keeping>();
    const auto at = reactor.listenUdp(0, keeping, {.interface = "127.0.0.1"});
    const Address server = at->getHost();
    auto sender = makeRef<syslog::UdpSender>(server);  // a numeric address; the port is 514
    auto port = reactor.listenUdp(0, sender);

    syslog::Message message = syslog::localMessage("shop", syslog::Severity::Error, "no paper");
    message.facility = syslog::Facility::Local0;
    message.elements = {{"order@32473", {{"id", "4711"}, {"by", "\"me\""}}}};
    sender->send(message);
    test::runUntil(reactor, [&] { return !keeping->last.text.empty(); });
    EXPECT_EQ(keeping->last, message);
    EXPECT_TRUE(syslog::formatMessage(message).starts_with("<131>1 "));

    const test::TempFolder folder;
    const std::string path = folder / "log";
    const test::Printed printed;
    syslog::LocalSender local(path);  // "/dev/log", unless given
    if (const std::error_code why = local.send(message)) {
        std::cout << why.message() << '\n';
    }
    EXPECT_EQ(printed.text(), "No such file or directory\n");
}

// A message over TCP.
TEST(GuideSyslog, receives) {
    Reactor reactor;
    const std::uint16_t syslogPort = 0;
    auto listening = reactor.listenTcp(syslogPort, makeFactory<Printing>());  // 601
    const auto endpoint = makeRef<TcpClientEndpoint>(
        reactor, Address{Address::Kind::Ipv4, listening->getHost().port, "127.0.0.1"});
    const syslog::Message message{.appName = "shop", .text = "no paper"};
    const test::Printed printed;
    auto service = makeRef<ClientService>(reactor, endpoint, makeFactory<syslog::Sender>());
    service->startService();
    service->whenConnected().addCallback([=](const Ref<IProtocol>& protocol) {
        static_cast<syslog::Sender&>(*protocol).send(message);
    });
    test::runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "127.0.0.1 shop: no paper\n");
    EXPECT_TRUE(test::outcomeOf(reactor, service->stopService()).ok());
}

}  // namespace
