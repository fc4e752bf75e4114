// The snippets of docs/howto/deferred.md, and what the page says of them.
#include <chrono>
#include <iostream>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/deferred/future.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/unhandled.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace {

struct Page {
    std::string text;
};
struct User {
    std::string name;
};

// A chain runs when its value comes, each callback on what the one before returned.
TEST(GuideDeferred, aChain) {
    ::testing::internal::CaptureStdout();
    {
        Deferred<int> d;                               // unfired
        d.addCallback([](int x) { return x + 1; });    // runs on the value
        d.addCallback([](int x) { std::cout << x; });  // gets what the one before returned
        d.callback(41);                                // prints 42
    }
    EXPECT_EQ(::testing::internal::GetCapturedStdout(), "42");
}

// Errbacks of both kinds, the pair, and the link for both outcomes.
TEST(GuideDeferred, errors) {
    Deferred<int> d;
    const auto f = [](int x) { return x + 1; };
    const auto g = [](const Failure&) { return -1; };
    std::vector<int> seen;
    // clang-format off
    d.addErrback([](const Failure&) { return 0; });                       // any error
    d.addErrback<TimeoutError>([](const TimeoutError&) { return 0; });  // only this one
    d.addCallbacks(f, g);  // one link: g does not see what f throws
    d.addBoth([&](Result<int> outcome) { seen.push_back(outcome.ok() ? outcome.value() : -2); });
    // clang-format on
    d.errback(TimeoutError("late"));
    EXPECT_EQ(seen, std::vector<int>{1});
}

// A callback that changes the type makes another view.
TEST(GuideDeferred, types) {
    Deferred<int> number;
    Deferred<std::string> text = number.addCallback([](int x) { return std::to_string(x); });
    EXPECT_THROW(number.addCallback([](int) {}), DeferredTypeError);
    number.callback(5);
    std::string seen;
    text.addCallback([&](const std::string& x) { seen = x; });
    EXPECT_EQ(seen, "5");
}

struct Job {
    int stopped = 0;
    void stopTheWork() { ++stopped; }

    void cancelledWhileItRuns() {
        DeferredSource<int> source([this](Deferred<int>) { stopTheWork(); });  // for cancel()
        Deferred<int> d = source.deferred();
        d.addErrback<CancelledError>([](const CancelledError&) { return 0; });
        d.cancel();
    }
    int fires() {
        int seen = 0;
        DeferredSource<int> source([this](Deferred<int>) { stopTheWork(); });
        Deferred<int> d = source.deferred();
        source.callback(42);
        d.addCallback([&](int x) { seen = x; });
        return seen;
    }
};

// A source fires its Deferred, and is told when nobody wants it any more.
TEST(GuideDeferred, producingResults) {
    Job job;
    EXPECT_EQ(job.fires(), 42);
    EXPECT_EQ(job.stopped, 0);
    job.cancelledWhileItRuns();
    EXPECT_EQ(job.stopped, 1);
    EXPECT_EQ(toFuture(succeed(3)).get(), 3);
}

// A limit cancels what is late; a third argument makes its outcome.
TEST(GuideDeferred, timeLimits) {
    marline::testing::Clock reactor;
    Deferred<Page> never;
    const auto fetch = [&](const std::string&) { return never; };
    const std::string url = "http://example.org/";
    const Deferred<Page> page =
        fetch(url).addTimeout(5s, reactor);  // cancels what is late, and fails with TimeoutError
    bool late = false;
    never.addErrback<TimeoutError>([&](const TimeoutError&) {
        late = true;
        return Page();
    });
    reactor.advance(5s);
    EXPECT_TRUE(late);

    Deferred<Page> other;
    other.addTimeout(5s, reactor, [](const Result<Page>&, auto) { return Page{"none"}; });
    std::string seen;
    other.addCallback([&](const Page& got) { seen = got.text; });
    reactor.advance(5s);
    EXPECT_EQ(seen, "none");
}

// The list fires when all have come.
TEST(GuideDeferred, manyAtOnce) {
    std::vector<Deferred<Page>> pages{Deferred<Page>(), Deferred<Page>()};
    std::size_t good = 0;
    DeferredList(pages, {.consumeErrors = true})
        .addCallback([&](const std::vector<Result<Page>>& all) {  // when all have come
            for (const auto& page : all) {
                good += page.ok() ? 1 : 0;
            }
        });
    pages[1].callback(Page{"b"});
    EXPECT_EQ(good, 0U);
    pages[0].errback(TimeoutError("late"));
    EXPECT_EQ(good, 1U);
}

// Both values, and the first of many.
TEST(GuideDeferred, gatheringAndRacing) {
    Deferred<Page> page;
    Deferred<User> user;
    std::vector<Deferred<Page>> mirrors{Deferred<Page>(), Deferred<Page>()};
    std::string seen;
    gatherResults(page, user).addCallback([&](const std::tuple<Page, User>& both) {
        seen = std::get<0>(both).text + std::get<1>(both).name;
    });
    race(mirrors).addCallback(
        [&](Winner<Page> first) { seen += std::to_string(first.index) + first.value.text; });
    page.callback(Page{"a"});
    user.callback(User{"b"});
    EXPECT_EQ(seen, "ab");
    mirrors[1].callback(Page{"c"});
    EXPECT_EQ(seen, "ab1c");
}

}  // namespace
