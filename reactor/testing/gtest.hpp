// Fixtures for GoogleTest: a test that leaves something behind fails. Link GTest::gtest yourself.
#pragma once

#include <chrono>
#include <concepts>
#include <map>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/result.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/caught_errors.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>
#include <marline/reactor/testing/open_descriptors.hpp>
#include <marline/reactor/testing/results.hpp>
#include <marline/reactor/time.hpp>

namespace marline::testing {

/// Fails a test that leaves a Failure which nobody handled, a logged warning or error, or an open
/// descriptor (Twisted: `SynchronousTestCase`). It looks when all members of the derived fixture
/// are gone.
class TestCase : public ::testing::Test {
protected:
    TestCase() : descriptors_(openDescriptors()) {}
    ~TestCase() override {
        for (const UnhandledError& error : errors_.takeUnhandled()) {
            ADD_FAILURE() << error.describe();
        }
        for (const std::string& message : errors_.takeLogged()) {
            ADD_FAILURE() << "logged, and not expected: " << message;
        }
        for (const auto& [fd, what] : openDescriptors()) {
            const auto before = descriptors_.find(fd);
            if (before == descriptors_.end() || before->second != what) {
                ADD_FAILURE() << "descriptor " << fd << " was left open: " << what;
            }
        }
    }

    /// The errors that hold an E and that nobody handled, which the test expects; forgets them
    /// (Twisted: `flushLoggedErrors`). Without E it is all of them.
    template <class E = std::exception>
    std::vector<Failure> flushUnhandledErrors() {
        return errors_.takeUnhandled<E>();
    }
    /// The logged warnings and errors that hold `part`, which the test expects; forgets them.
    std::vector<std::string> flushLoggedErrors(std::string_view part = {}) {
        return errors_.takeLogged(part);
    }

private:
    std::map<int, std::string> descriptors_;
    CaughtErrors errors_;
};

/// A TestCase with a reactor, in which nothing may be left pending or open (Twisted: `TestCase`).
/// For R there are Reactor and MemoryReactor.
template <std::derived_from<Reactor> R>
class ReactorTestCaseOf : public TestCase {
protected:
    /// What takes longer fails the test; on a MemoryReactor it is that reactor's own time.
    static constexpr Duration kTimeout = std::chrono::seconds(30);

    ~ReactorTestCaseOf() override {
        // What was closed at the end of the test goes in the turns that follow it.
        for (int i = 0; i < kLastTurns && !reactor_.leftovers().empty(); ++i) {
            reactor_.iterate();
        }
        for (const std::string& leftover : reactor_.leftovers()) {
            ADD_FAILURE() << "left behind: " << leftover;
        }
    }

    R& reactor() noexcept { return reactor_; }

    /// Turns the reactor until `done()`. Throws WrongResult after kTimeout.
    template <std::predicate Done>
    void runUntil(Done&& done, std::source_location where = std::source_location::current()) {
        bool late = false;
        DelayedCall guard = reactor_.callLater(kTimeout, [&late] { late = true; });
        while (!done() && !late) {
            reactor_.iterate(kTimeout);
        }
        if (late) {
            throw WrongResult(where, "what the test waits for did not happen within 30 s");
        }
        guard.cancel();
    }
    /// Turns the reactor until `d` has its result, and gives the value as successResultOf() does.
    template <class T>
    typename Result<T>::Value resultOf(
        Deferred<T> d, std::source_location where = std::source_location::current()) {
        return successResultOf(settled(std::move(d), where), where);
    }
    /// The same with a Failure, as failureResultOf() does.
    template <class... Es, class T>
    Failure failureOf(Deferred<T> d, std::source_location where = std::source_location::current()) {
        return failureResultOf<Es...>(settled(std::move(d), where), where);
    }

private:
    static constexpr int kLastTurns = 10;

    template <class T>
    Deferred<T> settled(Deferred<T> d, const std::source_location& where) {
        const auto fired = std::make_shared<bool>(false);
        d.addBoth([fired](Result<T> result) {
            *fired = true;
            return result;
        });
        runUntil([&] { return *fired; }, where);
        return d;
    }

    R reactor_;
};

/// With a real reactor, on loopback.
using ReactorTestCase = ReactorTestCaseOf<Reactor>;
/// With a reactor in memory, whose time is the test's.
using MemoryReactorTestCase = ReactorTestCaseOf<MemoryReactor>;

}  // namespace marline::testing
