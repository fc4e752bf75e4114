// The snippets of docs/howto/finger.md.
#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/finger/finger.hpp>
#include <marline/protocols/ident/ident.hpp>
#include <marline/reactor/endpoints.hpp>

#include "test/guide/printed.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

// Moshe Zadka is happy and well, as in the tutorial.
TEST(GuideFinger, fingers) {
    Reactor reactor;
    auto people = finger::fingerFactory(reactor, [](finger::FingerQuery query) {
        return succeed(std::string(query.user == "moshez" ? "Happy and well" : "No such user"));
    });
    const auto port = reactor.listenTcp(0, people, {.interface = "127.0.0.1"});
    TcpClientEndpoint endpoint(reactor, port->getHost());
    const test::Printed printed;
    finger::lookup(reactor, endpoint, {"moshez"}).addCallback([](const std::string& answer) {
        std::cout << answer;
    });
    test::runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "Happy and well\r\n");
}

// The example of RFC 1413.
TEST(GuideFinger, identifies) {
    Reactor reactor;
    auto owners = ident::identFactory(reactor, [](ident::IdentQuery query) {
        if (query.portOnServer != 6193) {
            throw ident::NoUser();
        }
        return succeed(ident::IdentReply{"UNIX", "stjohns"});
    });
    const auto port = reactor.listenTcp(0, owners, {.interface = "127.0.0.1"});
    TcpClientEndpoint endpoint(reactor, port->getHost());
    const test::Printed printed;
    ident::lookup(reactor, endpoint, 6193, 23).addCallback([](const ident::IdentReply& reply) {
        std::cout << reply.user << '\n';
    });
    test::runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "stjohns\n");
}

}  // namespace
