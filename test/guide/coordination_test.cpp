// The snippets of docs/howto/coordination.md, and what the page says of them.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/filesystem_lock.hpp>

#include "test/guide/hello_site.hpp"
#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace {

using test::outcomeOf;

// Six pages, four at a time.
TEST(GuideCoordination, soManyAtOnce) {
    test::HelloSite site;
    Agent agent{site.reactor};
    std::vector<std::string> urls;
    for (const char* page : {"a", "b", "c", "d", "e", "f"}) {
        urls.push_back(site / page);
    }
    DeferredSemaphore downloads(4);
    std::vector<Deferred<Response>> all;
    for (const auto& url : urls) {
        all.push_back(downloads.run([&agent, url] { return agent.request("GET", url); }));
    }
    for (auto& one : all) {
        EXPECT_EQ(outcomeOf(site.reactor, std::move(one)).value().code(), 200);
    }
}

// The turn lasts as long as the guard, in a callback and in a coroutine.
TEST(GuideCoordination, aTurn) {
    DeferredLock lock;
    bool inside = false;
    lock.acquire().addCallback([&](LockGuard) {  // the turn begins here
        inside = lock.locked();
    });  // and ends here
    EXPECT_TRUE(inside);
    EXPECT_FALSE(lock.locked());

    const Deferred<> saving;
    const auto save = [&] { return saving; };
    auto work = [&]() -> Deferred<> {
        LockGuard guard = co_await lock.acquire();  // the turn begins here
        co_await save();
    };  // and ends with the scope
    const Deferred<> done = work();
    EXPECT_TRUE(lock.locked());
    Deferred<>(saving).callback();
    EXPECT_FALSE(lock.locked());
}

struct Document {
    DeferredLock lock;
    Deferred<> saving;

    Deferred<> save() { return saving; }
    void saveInTurn() {
        lock.acquire().addCallback([this](LockGuard guard) {
            return save().addBoth([guard = std::move(guard)](Result<> saved) { return saved; });
        });
    }
};

// A guard that is moved on keeps the turn.
TEST(GuideCoordination, aTurnBeyondTheCallback) {
    Document document;
    document.saveInTurn();
    EXPECT_TRUE(document.lock.locked());
    document.saving.callback();
    EXPECT_FALSE(document.lock.locked());
}

struct Job {
    std::string name;
};

// A queue brings an object and who wants it together.
TEST(GuideCoordination, aQueue) {
    std::string seen;
    const auto work = [&](const Job& job) { seen += job.name; };
    // clang-format off
    DeferredQueue<Job> jobs({.size = 1000, .backlog = 8});
    jobs.put(Job{"first"});                                       // to the oldest waiter, or kept
    jobs.get().addCallback([&](const Job& job) { work(job); });   // the oldest object, or the next to come
    // clang-format on
    EXPECT_EQ(seen, "first");
}

// The lock is held while the work lasts.
TEST(GuideCoordination, oneProcessAtATime) {
    const test::TempFolder folder;
    const std::string path = folder / "me.lock";
    Reactor reactor;
    Deferred<> working;
    const auto work = [&] { return working; };
    DeferredFilesystemLock lock(path, reactor);
    lock.deferUntilLocked(10s)  // TimeoutError when it is not to be had
        .addCallback([&] { return work(); })
        .addBoth([&](Result<> outcome) {
            lock.unlock();
            return outcome;
        });
    EXPECT_TRUE(isLocked(path));
    working.callback();
    EXPECT_FALSE(isLocked(path));
}

}  // namespace
