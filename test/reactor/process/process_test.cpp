// spawnProcess(): area P, what the protocol is told.
#include <marline/reactor/process.hpp>

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

#include "test/reactor/process/process_bed.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

class ProcessTest : public ProcessBed {};

// P-1: the protocol has its transport, and the child its pid, before spawnProcess() returns.
TEST_F(ProcessTest, isMadeBeforeSpawnReturns) {
    const Recorder child = recorder();
    const Ref<IProcessTransport> process = shell(child, "exit 0");
    EXPECT_THAT(child->events, ElementsAre("made"));
    EXPECT_EQ(child->transport(), process);
    EXPECT_GT(process->pid().value_or(0), 0);
    untilEnded(child);
}

// P-2: what the child writes to 1 and 2 comes by descriptor, and as out and err.
TEST_F(ProcessTest, outputComesByDescriptor) {
    const Recorder child = ran("echo good; echo bad >&2");
    EXPECT_EQ(child->received[1], "good\n");
    EXPECT_EQ(child->received[2], "bad\n");
    EXPECT_EQ(child->out, "good\n");
    EXPECT_EQ(child->err, "bad\n");
}

// P-3: each pipe that the child closes is reported, by number and by name, while it runs on.
TEST_F(ProcessTest, eachClosedPipeIsReported) {
    const Recorder child = recorder();
    const auto process = shell(child, "exec 0<&- 1>&- 2>&-; while :; do :; done");
    runUntil([&] { return child->inLost + child->outLost + child->errLost == 3; });
    EXPECT_THAT(child->events, IsSupersetOf({"lost 0", "lost 1", "lost 2"}));
    EXPECT_EQ(child->inLost, 1);
    EXPECT_EQ(child->outLost, 1);
    EXPECT_EQ(child->errLost, 1);
    EXPECT_FALSE(child->exited);
    process->signalProcess(SIGKILL);
    untilEnded(child);
    EXPECT_THAT(child->events,
                ElementsAre("made", ::testing::_, ::testing::_, ::testing::_, "exited", "ended"));
}

// P-4, P-5: processExited does not wait for a grandchild that holds the pipes, processEnded does,
// and comes once and last.
TEST_F(ProcessTest, exitedDoesNotWaitForThePipesEndedDoes) {
    const Recorder child = recorder();
    // The grandchild holds 1 and 2 and lives until it reads the end of descriptor 3.
    ProcessOptions options;
    options.childFds = {{1, 'r'}, {2, 'r'}, {3, 'w'}};
    const auto process = shell(child, "(read line <&3; echo late) & exit 0", options);
    runUntil([&] { return child->exited.has_value(); });
    EXPECT_FALSE(child->ended);
    EXPECT_FALSE(process->pid());
    process->writeToChild(3, "go\n");
    untilEnded(child);
    EXPECT_EQ(child->out, "late\n");
    EXPECT_EQ(child->events.back(), "ended");
    EXPECT_EQ(std::count(child->events.begin(), child->events.end(), "ended"), 1);
    EXPECT_TRUE(child->exited->check<ProcessDone>() != nullptr);
}

// P-6: ProcessDone is for exit code 0 only.
TEST_F(ProcessTest, codeZeroIsDone) {
    const Recorder child = ran("exit 0");
    ASSERT_TRUE(child->endedWith<ProcessDone>());
    EXPECT_EQ(child->ended->message(), "/bin/sh exited with code 0");
    EXPECT_TRUE(child->endedWith<ConnectionDone>());
}

// P-6: another exit code is ProcessTerminated with that code and without a signal.
TEST_F(ProcessTest, anotherCodeIsTerminated) {
    const Recorder child = ran("exit 23");
    ASSERT_TRUE(child->endedWith<ProcessTerminated>());
    const auto* why = child->ended->check<ProcessTerminated>();
    EXPECT_EQ(why->exitCode(), 23);
    EXPECT_EQ(why->signal(), std::nullopt);
    EXPECT_STREQ(why->what(), "/bin/sh exited with code 23");
    EXPECT_TRUE(*child->exited == *child->ended);
}

// P-6: a signal is ProcessTerminated with that signal and without a code.
TEST_F(ProcessTest, aSignalIsTerminated) {
    const Recorder child = ran("kill -USR2 $$");
    ASSERT_TRUE(child->endedWith<ProcessTerminated>());
    const auto* why = child->ended->check<ProcessTerminated>();
    EXPECT_EQ(why->exitCode(), std::nullopt);
    EXPECT_EQ(why->signal(), SIGUSR2);
    EXPECT_STREQ(why->what(), "/bin/sh was ended by signal 12 (SIGUSR2)");
}

// P-7: what processExited and processEnded throw is logged; the child is unregistered by then.
TEST_F(ProcessTest, throwingEndsAreLogged) {
    const Recorder child = recorder();
    child->onExited = [](RecordingProcess& self) {
        EXPECT_FALSE(self.transport()->pid());
        throw std::runtime_error("exited badly");
    };
    child->onEnded = [](RecordingProcess&) { throw std::runtime_error("ended badly"); };
    shell(child, "exit 0");
    untilEnded(child);
    EXPECT_EQ(logged().count("exited badly"), 1U);
    EXPECT_EQ(logged().count("ended badly"), 1U);
    EXPECT_FALSE(hasChildren());
    logged().clear();
}

// What makeConnection() throws is logged and the child runs on.
TEST_F(ProcessTest, throwingConnectionMadeIsLogged) {
    const Recorder child = recorder();
    child->onMade = [](RecordingProcess&) { throw std::runtime_error("made badly"); };
    shell(child, "echo on");
    untilEnded(child);
    EXPECT_EQ(child->out, "on\n");
    EXPECT_EQ(logged().count("made badly"), 1U);
    logged().clear();
}

// What childDataReceived() throws is logged and closes that pipe, not the others.
TEST_F(ProcessTest, throwingDataReceivedClosesThePipe) {
    const Recorder child = recorder();
    child->onData = [](RecordingProcess& self) {
        if (self.received[2].empty()) {
            throw std::runtime_error("data badly");
        }
    };
    shell(child, "echo one; read line; echo two >&2");
    runUntil([&] { return child->outLost == 1; });
    child->transport()->write("go\n");
    untilEnded(child);
    EXPECT_EQ(child->received[2], "two\n");
    EXPECT_EQ(logged().count("data badly"), 1U);
    logged().clear();
}

// P-15: a child that exits before the reactor runs is reaped when it does.
TEST_F(ProcessTest, anEarlyExitIsReapedAtTheStart) {
    const Recorder child = recorder();
    const auto process = shell(child, "exit 5");
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(*process->pid()), &info, WEXITED | WNOWAIT), 0);
    child->onEnded = [this](RecordingProcess&) { reactor().stop(); };
    run();
    EXPECT_EQ(child->ended->check<ProcessTerminated>()->exitCode(), 5);
}

// A child whose status somebody else took has ended all the same, and the reason says why no code
// is known.
TEST_F(ProcessTest, aLostStatusIsSaid) {
    const Recorder child = recorder();
    const auto process = shell(child, "exit 5");
    ASSERT_EQ(::waitpid(*process->pid(), nullptr, 0), *process->pid());
    untilEnded(child);
    const auto* why = child->ended->check<ProcessTerminated>();
    ASSERT_NE(why, nullptr);
    EXPECT_EQ(why->exitCode(), std::nullopt);
    EXPECT_EQ(why->signal(), std::nullopt);
    EXPECT_THAT(why->what(), HasSubstr("SIGCHLD is ignored"));
}

// A child that outlives the reactor's run: the protocol is told of the end with ConnectionLost, and
// the next spawn reaps it.
TEST_F(ProcessTest, aStoppedReactorLetsTheChildGo) {
    const Recorder child = recorder();
    const auto process = shell(child, "while :; do :; done");
    const pid_t pid = process->pid().value();
    reactor().callWhenRunning([this] { reactor().stop(); });
    run();
    EXPECT_TRUE(child->endedWith<ConnectionLost>());
    EXPECT_FALSE(child->exited);
    EXPECT_THROW(process->signalProcess(SIGKILL), ProcessExitedAlready);
    process->write("nobody hears it");
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
    ran("exit 0");
    EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1) << "it is a zombie";
}

// A child that had ended, unnoticed, when the reactor stops is reaped and reported as ever.
TEST_F(ProcessTest, aStoppingReactorReapsWhatHasEnded) {
    const Recorder child = recorder();
    const auto process = shell(child, "exit 3");
    const auto reap = [&] {
        siginfo_t info{};
        EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(*process->pid()), &info, WEXITED | WNOWAIT), 0);
    };
    reactor().addSystemEventTrigger(Phase::Before, SystemEvent::Startup, [&] {
        reap();
        reactor().stop();
        return succeed();
    });
    run();
    ASSERT_TRUE(child->endedWith<ProcessTerminated>());
    EXPECT_EQ(child->ended->check<ProcessTerminated>()->exitCode(), 3);
}

// Many at once: each is told of its own end.
TEST_F(ProcessTest, manyAtOnceEndEachOnItsOwn) {
    std::vector<Recorder> children;
    for (int i = 0; i < 40; ++i) {
        children.push_back(recorder());
        shell(children.back(), "exit " + std::to_string(i + 1));
    }
    for (std::size_t i = 0; i < children.size(); ++i) {
        untilEnded(children[i]);
        EXPECT_EQ(children[i]->ended->check<ProcessTerminated>()->exitCode(),
                  static_cast<int>(i + 1));
    }
}

}  // namespace
}  // namespace marline::testing
