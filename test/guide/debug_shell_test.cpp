// The snippets of docs/howto/debug-shell.md, and what the page says of them.
#include <chrono>
#include <memory>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/debug_shell.hpp>
#include <marline/protocols/telnet/telnet_transport.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;

namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

/// What a client sees that sends `typed` and ends its input.
std::string session(Reactor& reactor, const std::string& path, const std::string& typed) {
    const auto client = std::make_shared<test::Record>();
    client->halfClose = true;
    client->onMade = [&](ITransport& transport) {
        transport.write(typed);
        transport.loseWriteConnection();
    };
    client->onReadLost = [](ITransport& transport) { transport.loseConnection(); };
    reactor.connectUnix(path, test::recorderFactory(client));
    test::runUntil(reactor, [&] { return client->lost.has_value(); });
    return client->received;
}

// The page's commands answer over the socket, by lines and by Telnet.
TEST(GuideDebugShell, commands) {
    const test::TempFolder folder;
    const std::string path = folder / "debug";
    const std::string telnetPath = folder / "telnet";
    std::set<std::string> users = {"ann", "bob", "eve"};
    Reactor reactor;
    auto shell = makeRef<DebugShell>(reactor);
    shell->addCommand("users", "who is logged in", [&](const DebugShell::Arguments&) {
        return std::to_string(users.size()) + " users";
    });
    shell->addCommand("kick", "NAME: logs a user out", [&](const DebugShell::Arguments& words) {
        return users.erase(words.at(0)) == 1 ? "done" : "no such user";
    });
    auto port = shell->listen(path);  // "/run/app.debug"
    // clang-format off
    shell->addCommand("pause", "SECONDS: waits",
                      [&](DebugShell::Arguments words) -> Deferred<std::string> {
                          const double seconds = std::stod(words.at(0));
                          co_await deferLater(reactor, std::chrono::round<Duration>(
                                                           std::chrono::duration<double>(seconds)));
                          co_return "good morning";
                      });
    auto telnetPort = reactor.listenUnix(telnetPath, makeRef<telnet::TelnetFactory>(shell),
                                         {.mode = 0600});
    // clang-format on
    const std::string seen =
        session(reactor, path, "users\nkick\nkick eve\nusers\npause 0.001\nhealth\ndump");
    EXPECT_THAT(seen, HasSubstr("> 3 users\n> error: vector::_M_range_check: "));
    EXPECT_THAT(seen, HasSubstr("> done\n> 2 users\n> good morning\n> error: "));
    EXPECT_THAT(seen, HasSubstr("> health: not watched\nopen transports: "));
    EXPECT_THAT(session(reactor, telnetPath, "\xff\xfb\x1fusers\r\n"), EndsWith("\xff\xfe\x1f"
                                                                                "2 users\r\n> "));
    EXPECT_TRUE(test::outcomeOf(reactor, port->stopListening()).ok());
    EXPECT_TRUE(test::outcomeOf(reactor, telnetPort->stopListening()).ok());
}

class Terminal : public LineOnlyReceiver, public telnet::ITelnetProtocol {
    void connectionMade() override {
        setDelimiter("\n");
        telnet::asTelnetTransport(*transport())
            ->doOption(telnet::Option::Naws)
            .addErrback<telnet::OptionRefused>([](const Failure&) {});  // then 80 columns it is
    }
    bool enableRemote(telnet::Option option) override { return option == telnet::Option::Naws; }
    void subnegotiationReceived(telnet::Option option, std::span<const std::byte> data) override {
        if (option == telnet::Option::Naws) {
            columns = telnet::parseWindowSize(data).value_or(telnet::WindowSize{80, 24}).columns;
        }
    }
    void lineReceived(std::string_view line) override { sendLine(line.substr(0, columns)); }

    std::size_t columns = 80;
};

// A terminal's width is asked for and used; a refusal is no failure that nobody handles.
TEST(GuideDebugShell, negotiating) {
    for (const bool agrees : {true, false}) {
        marline::testing::StringTransport transport;
        const auto telnet = makeRef<telnet::TelnetTransport>(makeRef<Terminal>());
        telnet->makeConnection(transport);
        EXPECT_EQ(transport.value(), "\xff\xfd\x1f");
        transport.clear();
        const std::string size("\xff\xfb\x1f\xff\xfa\x1f\x00\x03\x00\x18\xff\xf0", 12);
        telnet->dataReceived(asBytes(agrees ? size : "\xff\xfc\x1f"));
        telnet->dataReceived(asBytes("wide\r\n"));
        EXPECT_EQ(transport.value(), agrees ? "wid\r\n" : "wide\r\n");
        telnet->connectionLost(ConnectionDone());
    }
}

}  // namespace
