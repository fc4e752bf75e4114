// The snippets of docs/howto/threads.md, and what the page says of them.
#include <fstream>
#include <future>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/future.hpp>

#include <marline/reactor/threads.hpp>

#include "test/guide/hello_site.hpp"
#include "test/guide/printed.hpp"
#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;

namespace {

std::string readAll(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

Deferred<> report(Reactor& reactor, const std::string& path) {
    return deferToThread(reactor, readAll, path)    // in a thread of the reactor's pool
        .addCallback([](const std::string& text) {  // in the reactor's thread again
            std::cout << text.size() << " bytes\n";
        });
}

// A file is read in a thread.
TEST(GuideThreads, fromTheReactorToAThread) {
    const test::TempFolder folder;
    const std::string path = folder.write("file", "12345");
    const test::Printed printed;
    EXPECT_EQ(react([&](Reactor& reactor) { return report(reactor, path); }), 0);
    EXPECT_EQ(printed.text(), "5 bytes\n");
}

Deferred<std::string> fetch(Reactor& reactor, const std::string& url) {
    return Agent(reactor).request("GET", url).addCallback([](Response response) {
        return readBody(response);
    });
}

// A thread waits for what the reactor fetches.
TEST(GuideThreads, fromAThreadToTheReactor) {
    test::HelloSite site;
    Reactor& reactor = site.reactor;
    const std::string url = site / "thread";
    std::string page;
    std::thread worker([&] {
        page = blockingCallFromThread(reactor, [&] { return fetch(reactor, url); });
        reactor.callFromThread([&] { reactor.stop(); });
    });
    reactor.run();
    worker.join();
    EXPECT_EQ(page, "Hello, thread");
    EXPECT_THROW(blockingCallFromThread(reactor, [] {}), WrongThread);
}

// A pool of its own runs what is queued before it stops; then there is nobody to call.
TEST(GuideThreads, aPoolOfOnesOwn) {
    Reactor reactor;
    int rows = 0;
    std::string complaint;
    const auto query = [](const std::string& sql) { return static_cast<int>(sql.size()); };
    const auto show = [&](int found) { rows = found; };
    const auto complain = [&](const Failure& why) { complaint = why.message(); };
    ThreadPool database({.maxThreads = 4, .maxQueued = 100, .name = "database"});
    database.start();
    deferToThreadPool(reactor, database, query, "SELECT 1").addCallbacks(show, complain);

    database.stop();  // runs what is queued, then joins
    test::runUntil(reactor, [&] { return rows != 0; });
    EXPECT_EQ(rows, 8);
    deferToThreadPool(reactor, database, query, "SELECT 2").addCallbacks(show, complain);
    test::runUntil(reactor, [&] { return !complaint.empty(); });
    EXPECT_EQ(rows, 8);
}

// What std::async computes comes back to the reactor's thread.
TEST(GuideThreads, futures) {
    const auto compute = [] { return 6 * 7; };
    Reactor reactor;
    int seen = 0;
    const auto show = [&](int value) {
        seen = value;
        reactor.stop();
    };
    fromFuture(reactor, std::async(std::launch::async, compute)).addCallback(show);
    reactor.run();
    EXPECT_EQ(seen, 42);
}

}  // namespace
