// The snippets of docs/howto/coroutines.md, and what the page says of them.
#include <iostream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include "test/guide/hello_site.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace with_callbacks {

Deferred<std::size_t> length(Agent agent, std::string url) {
    return agent.request("GET", url)
        .addCallback([](Response response) { return readBody(response); })
        .addCallback([](const std::string& body) { return body.size(); });
}

Deferred<std::string> either(Agent agent, std::string first, std::string second) {
    return agent.request("GET", first)
        .addErrback<ConnectError>(
            [agent, second](const ConnectError&) mutable { return agent.request("GET", second); })
        .addCallback([](Response response) { return readBody(response); });
}

}  // namespace with_callbacks

namespace as_a_coroutine {

Deferred<std::size_t> length(Agent agent, std::string url) {
    Response response = co_await agent.request("GET", url);
    std::string body = co_await readBody(response);
    co_return body.size();
}

Deferred<std::string> either(Agent agent, std::string first, std::string second) {
    Result<Response> response = co_await agent.request("GET", first).asResult();
    if (!response.ok() && response.failure().check<ConnectError>()) {
        response = co_await agent.request("GET", second).asResult();
    }
    if (!response.ok()) {
        co_return response.failure();  // a Failure, too, can be returned
    }
    co_return co_await readBody(response.value());
}

}  // namespace as_a_coroutine

namespace {

using test::outcomeOf;

/// A URL of this machine that nobody serves.
std::string deadUrl(Reactor& reactor) {
    const auto port = reactor.listenTcp(0, makeFactory<Protocol>(), {.interface = "127.0.0.1"});
    const std::string url = "http://127.0.0.1:" + std::to_string(port->getHost().port) + "/";
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    return url;
}

// Both ways of writing it do the same.
TEST(GuideCoroutines, bothWays) {
    test::HelloSite site;
    Agent agent{site.reactor};
    const std::string url = site / "you", dead = deadUrl(site.reactor);
    EXPECT_EQ(outcomeOf(site.reactor, with_callbacks::length(agent, url)).value(), 10U);
    EXPECT_EQ(outcomeOf(site.reactor, as_a_coroutine::length(agent, url)).value(), 10U);
    EXPECT_EQ(outcomeOf(site.reactor, with_callbacks::either(agent, dead, url)).value(),
              "Hello, you");
    EXPECT_EQ(outcomeOf(site.reactor, as_a_coroutine::either(agent, dead, url)).value(),
              "Hello, you");
    const auto none = outcomeOf(site.reactor, as_a_coroutine::either(agent, dead, dead));
    EXPECT_NE(none.failure().check<ConnectError>(), nullptr);
}

// A coroutine's result is a Deferred like any other.
TEST(GuideCoroutines, callbacksOnACoroutine) {
    using as_a_coroutine::length;
    test::HelloSite site;
    Agent agent{site.reactor};
    ::testing::internal::CaptureStdout();
    auto done =
        length(agent, site / "me").addCallback([](std::size_t n) { std::cout << n << " bytes\n"; });
    EXPECT_TRUE(outcomeOf(site.reactor, done).ok());
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "9 bytes\n");
}

struct Counter {
    int base = 10;

    Deferred<int> start(Deferred<int> more) {
        return spawn(
            [this, more](int n) mutable -> Deferred<int> {
                co_return base + n + co_await std::move(more);
            },
            3);
    }
};

// spawn() keeps the lambda, so that its captures are there when the body goes on.
TEST(GuideCoroutines, spawnKeepsTheCaptures) {
    Counter counter;
    Deferred<int> more;
    int seen = 0;
    counter.start(more).addCallback([&](int n) { seen = n; });
    more.callback(100);
    EXPECT_EQ(seen, 113);
}

}  // namespace
