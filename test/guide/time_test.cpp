// The snippets of docs/howto/time.md, and what the page says of them.
#include <chrono>
#include <iostream>
#include <ranges>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/cooperator.hpp>
#include <marline/reactor/defer_later.hpp>
#include <marline/reactor/looping_call.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/guide/hello_site.hpp"
#include "test/support/running.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace {

using test::outcomeOf;

struct Transport {
    bool open = true;
    void loseConnection() { open = false; }
};

// A call is put off, then cancelled.
TEST(GuideTime, once) {
    marline::testing::Clock reactor;
    Transport transport;
    DelayedCall call = reactor.callLater(5s, [&] { transport.loseConnection(); });
    reactor.advance(4s);
    call.reset(5s);  // 5 s from now instead: this is what an idle timeout does at every byte
    call.delay(1s);  // a second later than it was
    reactor.advance(5s);
    EXPECT_TRUE(transport.open);
    if (call.active()) {
        call.cancel();
    }
    EXPECT_EQ(reactor.pendingCalls(), 0U);
}

// The Deferred of a call has what the function returns.
TEST(GuideTime, deferLater) {
    test::HelloSite site;
    Reactor& reactor = site.reactor;
    Agent agent{reactor};
    const std::string url = site / "x";
    int shown = 0;
    const auto show = [&](const Response& response) { shown = response.code(); };
    deferLater(reactor, 20ms, [&] { return agent.request("GET", url); }).addCallback(show);
    test::runUntil(reactor, [&] { return shown != 0; });
    EXPECT_EQ(shown, 200);
}

// A loop waits for what it started.
TEST(GuideTime, againAndAgain) {
    test::HelloSite site;
    Reactor& reactor = site.reactor;
    Agent agent{reactor};
    const std::string url = site / "x";
    int shown = 0;
    const auto show = [&](const Response&) { ++shown; };
    LoopingCall poll(reactor, [&] { return agent.request("GET", url).addCallback(show); });
    poll.start(50ms).addErrback([](const Failure& why) { std::cerr << why.message() << '\n'; });
    test::runUntil(reactor, [&] { return shown == 3; });
    poll.stop();
}

struct Table {
    int indexed = 0;
    void index(int) { ++indexed; }
    int rows() const { return 100; }
};

// A function is called until it says that there is no more.
TEST(GuideTime, bitByBit) {
    Reactor reactor;
    Table table;
    CooperativeTask task = cooperate(reactor, [&, row = 0]() mutable {
        table.index(row++);
        return row < table.rows();  // is there more?
    });
    EXPECT_TRUE(outcomeOf(reactor, task.whenDone()).ok());
    EXPECT_EQ(table.indexed, 100);
}

// Each element of a lazy range is made when its turn comes.
TEST(GuideTime, aRange) {
    test::HelloSite site;
    Reactor& reactor = site.reactor;
    Agent agent{reactor};
    const std::vector<std::string> urls{site / "a", site / "b"};
    int stored = 0;
    const auto store = [&](const Response&) { ++stored; };
    const Deferred<> all =
        coiterate(reactor, urls | std::views::transform([&](const std::string& url) {
                               // the next one when this is stored
                               return agent.request("GET", url).addCallback(store);
                           }));
    EXPECT_TRUE(outcomeOf(reactor, all).ok());
    EXPECT_EQ(stored, 2);
}

struct Lamp {
    bool on = false;
    void toggle() { on = !on; }
    bool lit() const { return on; }
};

// The time of a test passes when the test says so.
TEST(GuideTime, inTests) {
    Lamp lamp;
    marline::testing::Clock clock;
    LoopingCall blink(clock, [&] { lamp.toggle(); });
    blink.start(1s, false);
    clock.advance(1s);
    EXPECT_TRUE(lamp.lit());
    clock.pump({500ms, 500ms, 1s});
    EXPECT_EQ(clock.pendingCalls(), 1U);
}

}  // namespace
