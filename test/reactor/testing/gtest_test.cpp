// The fixtures of the kit: each thing that a test leaves behind fails it, and nothing else does.
#include <marline/reactor/testing/gtest.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <marline/deferred/succeed.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/defer_later.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::SizeIs;

/// A test of the fixture `Case`, run and torn down where it is called.
template <class Case>
class Trial final : public Case {
public:
    using Body = std::function<void(Trial&)>;
    explicit Trial(Body body) : body_(std::move(body)) {}
    void run() { TestBody(); }

    using Case::flushLoggedErrors;
    template <class E>
    auto flushed() {
        return Case::template flushUnhandledErrors<E>();
    }
    auto& theReactor() { return Case::reactor(); }
    template <class T>
    auto waitFor(Deferred<T> d) {
        return Case::resultOf(d);
    }
    template <class E, class T>
    auto waitForFailure(Deferred<T> d) {
        return Case::template failureOf<E>(d);
    }

private:
    void TestBody() override { body_(*this); }

    Body body_;
};

template <class Case>
void run(typename Trial<Case>::Body body) {
    Trial<Case>(std::move(body)).run();
}

// EXPECT_NONFATAL_FAILURE() knows no commas, and no locals.
void unhandledFailure() {
    run<TestCase>([](auto&) { marline::fail(std::runtime_error("nobody looked")); });
}
void loggedWarning() {
    run<TestCase>([](auto&) { log(LogLevel::Warning, "something odd"); });
}
void openDescriptor() {
    static int left = -1;
    run<TestCase>([](auto&) { left = ::dup(1); });
    ::close(left);
}
template <class Case>
void pendingCall() {
    run<Case>([](auto& test) { test.theReactor().callLater(5s, [] {}); });
}
template <class Case>
void listeningPort() {
    run<Case>([](auto& test) {
        test.theReactor().listenTcp(0, makeFactory<Protocol>(), {.interface = "127.0.0.1"});
    });
}
void pendingAttempt() {
    run<MemoryReactorTestCase>([](auto& test) {
        auto attempt = test.theReactor().connectTcp({Address::Kind::Ipv4, 1, "127.0.0.1"},
                                                    makeFactory<Protocol>());
        attempt.addErrback([](const Failure&) { return Ref<IProtocol>(); });
        test.theReactor().getDelayedCalls().front().cancel();
    });
}
void openConnection() {
    run<MemoryReactorTestCase>([](auto& test) {
        auto port = test.theReactor().listenTcp(80, makeFactory<Protocol>());
        test.theReactor().tcpServers().at(0)->connect(makeRef<AccumulatingProtocol>());
        port->stopListening();
    });
}

// M-5: a Failure that nobody handled fails the test, unless it is flushed.
TEST(Fixtures, failATestThatLeavesAnUnhandledError) {
    EXPECT_NONFATAL_FAILURE(unhandledFailure(), "nobody looked");
    run<TestCase>([](auto& test) {
        marline::fail(std::range_error("one"));
        EXPECT_THAT(test.template flushed<std::out_of_range>(), SizeIs(0));
        const auto failures = test.template flushed<std::range_error>();
        ASSERT_THAT(failures, SizeIs(1));
        EXPECT_EQ(failures[0].message(), "one");
        EXPECT_THAT(test.template flushed<std::exception>(), SizeIs(0));
    });
}

// So does what was logged as a warning or worse.
TEST(Fixtures, failATestThatLeavesALoggedError) {
    EXPECT_NONFATAL_FAILURE(loggedWarning(), "something odd");
    run<TestCase>([](auto& test) {
        log(LogLevel::Info, "all is well");
        log(LogLevel::Error, "as expected");
        EXPECT_THAT(test.flushLoggedErrors("otherwise"), SizeIs(0));
        EXPECT_THAT(test.flushLoggedErrors("expected"), SizeIs(1));
    });
}

// And a descriptor that was opened and not closed.
TEST(Fixtures, failATestThatLeavesADescriptor) {
    EXPECT_NONFATAL_FAILURE(openDescriptor(), "was left open");
}

// A call that is pending, a port, an attempt or a connection fails it, on either reactor.
TEST(Fixtures, failATestThatLeavesSomethingPendingOrOpen) {
    EXPECT_NONFATAL_FAILURE(pendingCall<ReactorTestCase>(), "a delayed call, due in 5 s, made at");
    EXPECT_NONFATAL_FAILURE(pendingCall<MemoryReactorTestCase>(), "gtest_test.cpp");
    EXPECT_NONFATAL_FAILURE(listeningPort<ReactorTestCase>(), "a port on 127.0.0.1:");
    EXPECT_NONFATAL_FAILURE(listeningPort<MemoryReactorTestCase>(), "a port on 127.0.0.1:");
    EXPECT_NONFATAL_FAILURE(pendingAttempt(), "an attempt to connect to 127.0.0.1:1");
    EXPECT_NONFATAL_FAILURE(openConnection(), "a connection of 127.0.0.1:");
}

// What is closed at the end of a test has the turns that it needs to go.
TEST(Fixtures, letWhatIsClosedGo) {
    const auto body = [](auto& test) {
        auto port =
            test.theReactor().listenTcp(0, makeFactory<Protocol>(), {.interface = "127.0.0.1"});
        port->stopListening();
    };
    run<ReactorTestCase>(body);
    run<MemoryReactorTestCase>(body);
}

// A test can wait for a Deferred; in memory that takes no time.
TEST(Fixtures, waitForResults) {
    const auto body = [](auto& test) {
        EXPECT_EQ(test.waitFor(deferLater(test.theReactor(), 1ms, [] { return 4; })), 4);
        const Failure failure = test.template waitForFailure<std::range_error>(
            deferLater(test.theReactor(), 1ms, [] { throw std::range_error("far"); }));
        EXPECT_EQ(failure.message(), "far");
    };
    run<ReactorTestCase>(body);
    run<MemoryReactorTestCase>(body);
    run<MemoryReactorTestCase>([](auto& test) {
        EXPECT_THROW(test.waitFor(Deferred<int>()), WrongResult);
        EXPECT_EQ(test.theReactor().seconds(), 30s);
    });
}

// One at a time catches errors: a second one is refused.
TEST(CaughtErrors, areCaughtByOneOnly) {
    CaughtErrors errors;
    EXPECT_THROW(CaughtErrors(), std::logic_error);
    log(LogLevel::Warning, "one");
    EXPECT_THAT(errors.takeLogged(), SizeIs(1));
    EXPECT_THAT(errors.takeLogged(), SizeIs(0));
}

}  // namespace
}  // namespace marline::testing
