// getProcessOutput() and its kin: P-18.
#include <marline/reactor/process_output.hpp>

#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>

#include "test/reactor/process/process_bed.hpp"
#include "test/support/running.hpp"

namespace marline::testing {
namespace {

using ::testing::HasSubstr;

class ProcessOutputTest : public ProcessBed {
protected:
    /// The outcome, and the end of the program itself.
    template <class T>
    Result<T> outcome(Deferred<T> d) {
        Result<T> result = test::outcomeOf(reactor(), std::move(d));
        runUntil([] { return !hasChildren(); });
        return result;
    }
    Deferred<std::string> output(const std::string& script,
                                 const ProcessOutputOptions& options = {}) {
        return getProcessOutput(reactor(), "/bin/sh", {"-c", script}, options);
    }
    Deferred<ProcessOutput> outputAndValue(const std::string& script,
                                           const ProcessOutputOptions& options = {}) {
        return getProcessOutputAndValue(reactor(), "/bin/sh", {"-c", script}, options);
    }
};

// What the program printed comes as it is; its exit code does not matter.
TEST_F(ProcessOutputTest, outputIsWhatWasPrinted) {
    EXPECT_EQ(outcome(output("echo one; echo two; exit 3")).value(), "one\ntwo\n");
    EXPECT_EQ(outcome(getProcessOutput(reactor(), "/bin/true")).value(), "");
}

// P-18: output on standard error is a failure, told before the program ends, with what it said.
TEST_F(ProcessOutputTest, errorOutputIsAFailure) {
    const auto result = outcome(output("echo fine; echo bad >&2; read line"));
    ASSERT_FALSE(result.ok());
    const auto* why = result.failure().check<UnexpectedErrorOutput>();
    ASSERT_NE(why, nullptr);
    EXPECT_EQ(why->err(), "bad\n");
    EXPECT_STREQ(why->what(), "/bin/sh wrote to its standard error: bad\n");
}

// P-18: unless it is merged.
TEST_F(ProcessOutputTest, errorOutputIsMergedWhenAskedFor) {
    const auto result = outcome(output("echo bad >&2", {.errorToo = true}));
    EXPECT_EQ(result.value(), "bad\n");
}

// The exit code, whatever was printed.
TEST_F(ProcessOutputTest, valueIsTheExitCode) {
    const auto value = [this](const std::string& script) {
        return outcome(getProcessValue(reactor(), "/bin/sh", {"-c", script}));
    };
    EXPECT_EQ(value("echo out; echo err >&2").value(), 0);
    EXPECT_EQ(value("exit 42").value(), 42);
    const auto killed = value("kill -KILL $$");
    ASSERT_FALSE(killed.ok());
    ASSERT_NE(killed.failure().check<ProcessTerminated>(), nullptr);
    EXPECT_EQ(killed.failure().check<ProcessTerminated>()->signal(), SIGKILL);
}

// P-18: both streams and the code together.
TEST_F(ProcessOutputTest, outputAndValueIsAllOfIt) {
    const auto result = outcome(outputAndValue("echo out; echo err >&2; exit 7"));
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result.value().out, "out\n");
    EXPECT_EQ(result.value().err, "err\n");
    EXPECT_EQ(result.value().code, 7);
    EXPECT_EQ(outcome(outputAndValue("exit 0")).value().code, 0);
}

// P-18: a signal is a failure with the signal and what came before it.
TEST_F(ProcessOutputTest, aSignalBringsWhatCameBefore) {
    const auto result = outcome(outputAndValue("echo out; echo err >&2; kill -TERM $$"));
    ASSERT_FALSE(result.ok());
    const auto* why = result.failure().check<ProcessSignalled>();
    ASSERT_NE(why, nullptr);
    EXPECT_EQ(why->signal(), SIGTERM);
    EXPECT_EQ(why->exitCode(), std::nullopt);
    EXPECT_EQ(why->out(), "out\n");
    EXPECT_EQ(why->err(), "err\n");
    EXPECT_STREQ(why->what(), "/bin/sh was ended by signal 15 (SIGTERM)");
}

// The program's input is what was given, and ends.
TEST_F(ProcessOutputTest, inputIsGivenAndEnds) {
    const std::string much(1024 * 1024, 'x');
    const auto result =
        outcome(getProcessOutput(reactor(), "/bin/cat", {}, {.input = much + "end"}));
    EXPECT_EQ(result.value(), much + "end");
    EXPECT_EQ(outcome(getProcessOutput(reactor(), "/bin/cat")).value(), "");
}

// The environment is empty unless told otherwise, and the working directory this process's.
TEST_F(ProcessOutputTest, environmentAndDirectoryAreTheOptions) {
    EXPECT_EQ(outcome(getProcessOutput(reactor(), "env")).value(), "");
    EXPECT_EQ(
        outcome(output("echo $A; pwd", {.env = Environment{{"A", "b"}}, .path = "/"})).value(),
        "b\n/\n");
    ::setenv("MARLINE_OUTPUT_TEST", "passed on", 1);
    EXPECT_EQ(outcome(output("echo $MARLINE_OUTPUT_TEST", {.env = std::nullopt})).value(),
              "passed on\n");
    ::unsetenv("MARLINE_OUTPUT_TEST");
}

// A program that cannot be started fails the Deferred; misuse throws.
TEST_F(ProcessOutputTest, aMissingProgramFails) {
    const auto result = outcome(getProcessValue(reactor(), "/no/such/program"));
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.failure().check<SpawnError>(), nullptr);
    EXPECT_THROW(getProcessValue(reactor(), "/bin/true", {std::string("a\0b", 3)}),
                 std::invalid_argument);
}

// maxOutput: exactly so many bytes pass, one more kills the program and names the knob.
TEST_F(ProcessOutputTest, tooMuchOutputKillsTheProgram) {
    EXPECT_EQ(outcome(output("printf 12345", {.maxOutput = 5})).value(), "12345");
    const auto result = outcome(output("printf 123456; read line", {.maxOutput = 5}));
    ASSERT_FALSE(result.ok());
    ASSERT_NE(result.failure().check<ProcessOutputTooLong>(), nullptr);
    EXPECT_EQ(result.failure().message(),
              "/bin/sh wrote more than 5 bytes and was killed (ProcessOutputOptions::maxOutput)");
    const auto endless = outcome(outputAndValue("/usr/bin/yes & /usr/bin/yes >&2; wait"));
    ASSERT_FALSE(endless.ok());
    EXPECT_NE(endless.failure().check<ProcessOutputTooLong>(), nullptr);
    EXPECT_EQ(outcome(getProcessValue(reactor(), "/bin/echo", {"much"}, {.maxOutput = 0})).value(),
              0);
}

// Cancelling kills the program and lets go of its pipes, also when a grandchild holds them.
TEST_F(ProcessOutputTest, cancellingKillsTheProgram) {
    Deferred<std::string> d = output("trap '' TERM INT HUP; echo up; while :; do :; done");
    std::optional<Result<std::string>> result;
    d.addBoth([&](Result<std::string> outcome) { result.emplace(std::move(outcome)); });
    turn();
    d.cancel();
    ASSERT_TRUE(result);
    EXPECT_NE(result->failure().check<CancelledError>(), nullptr);
    runUntil([] { return !hasChildren(); });
    turn(2);
}

// The end of the reactor fails what still runs.
TEST_F(ProcessOutputTest, aStoppedReactorFailsIt) {
    std::optional<Result<int>> value;
    getProcessValue(reactor(), "/usr/bin/yes", {}, {.maxOutput = 0})
        .addBoth([&](Result<int> outcome) { value.emplace(std::move(outcome)); });
    reactor().callWhenRunning([this] { reactor().stop(); });
    run();
    ASSERT_TRUE(value);
    EXPECT_NE(value->failure().check<ConnectionLost>(), nullptr);
    // Nobody reads it any more: it ends by itself, and the next spawn reaps it. It may be so quick
    // that this is what ends it, not the reactor.
    if (value->failure().check<ProcessTerminated>() == nullptr) {
        EXPECT_THAT(value->failure().message(), HasSubstr("the reactor stopped"));
        siginfo_t info{};
        ASSERT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    }
    EXPECT_EQ(outcome(getProcessValue(reactor(), "/bin/true")).value(), 0);
}

}  // namespace
}  // namespace marline::testing
