// IProcessTransport: area P, what a program does with its child.
#include <algorithm>
#include <csignal>
#include <deque>
#include <stdexcept>
#include <string>

#include <sys/wait.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/process.hpp>

#include "test/reactor/process/faults.hpp"
#include "test/reactor/process/process_bed.hpp"

namespace marline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ProcessTransportTest : public ProcessBed {
protected:
    /// Waits until the child is dead, and not yet reaped.
    static void awaitDeath(const Ref<IProcessTransport>& process) {
        siginfo_t info{};
        EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(*process->pid()), &info, WEXITED | WNOWAIT), 0);
    }
    /// Kills the child and writes to it, behind the poll of a turn: the write meets the broken pipe
    /// before the loop does.
    void writeToTheDead(const Recorder& child) {
        const auto process = shell(child, "read line");
        reactor().callLater(Duration::zero(), [process] {
            ASSERT_EQ(::kill(*process->pid(), SIGKILL), 0);
            awaitDeath(process);
            process->write("nobody reads this");
        });
        untilEnded(child);
        EXPECT_EQ(child->inLost, 1);
    }
};

/// Notes what it is asked, and writes at each resumeProducing() what there is left.
class Source final : public IProducer {
public:
    Source(Ref<IProcessTransport> to, std::deque<std::string> pieces)
        : to_(std::move(to)), pieces_(std::move(pieces)) {}

    void resumeProducing() override {
        ++resumed;
        if (pieces_.empty()) {
            to_->unregisterProducer();
        } else {
            to_->write(pieces_.front());
            pieces_.pop_front();
        }
    }
    void pauseProducing() override { ++paused; }
    void stopProducing() override { ++stopped; }

    int resumed = 0;
    int paused = 0;
    int stopped = 0;

private:
    Ref<IProcessTransport> to_;
    std::deque<std::string> pieces_;
};

// P-8: a signal by number, or by one of the names that Twisted takes, with SIG or without.
TEST_F(ProcessTransportTest, signalsAreSentByNumberAndByName) {
    const Recorder numbered = recorder();
    shell(numbered, "read line")->signalProcess(SIGUSR1);
    untilEnded(numbered);
    EXPECT_EQ(numbered->ended->check<ProcessTerminated>()->signal(), SIGUSR1);
    const std::map<std::string, int> names = {{"HUP", SIGHUP},   {"INT", SIGINT},
                                              {"KILL", SIGKILL}, {"TERM", SIGTERM},
                                              {"QUIT", SIGQUIT}, {"SIGUSR2", SIGUSR2}};
    for (const auto& [name, number] : names) {
        const Recorder child = recorder();
        shell(child, "ulimit -c 0; echo up; read line");
        runUntil([&] { return !child->out.empty(); });
        child->transport()->signalProcess(name);
        untilEnded(child);
        EXPECT_EQ(child->ended->check<ProcessTerminated>()->signal(), number) << name;
    }
}

// P-8: STOP holds the child and CONT lets it go on; it has not ended in between.
TEST_F(ProcessTransportTest, aStoppedChildHasNotEnded) {
    const Recorder child = recorder();
    const auto process = shell(child, "read line; echo $line");
    process->signalProcess("STOP");
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(*process->pid()), &info, WSTOPPED), 0);
    process->write("on\n");
    turn(3);
    EXPECT_FALSE(child->exited);
    EXPECT_EQ(child->out, "");
    process->signalProcess("CONT");
    untilEnded(child);
    EXPECT_EQ(child->out, "on\n");
}

// P-8: a signal to a child that was reaped throws, and it has no pid; one that has died unnoticed
// takes the signal without effect.
TEST_F(ProcessTransportTest, aSignalAfterTheExitThrows) {
    const Recorder child = recorder();
    const auto process = shell(child, "exit 0");
    awaitDeath(process);
    EXPECT_NO_THROW(process->signalProcess(SIGTERM));
    untilEnded(child);
    EXPECT_EQ(process->pid(), std::nullopt);
    try {
        process->signalProcess("KILL");
        ADD_FAILURE() << "nothing thrown";
    } catch (const ProcessExitedAlready& error) {
        EXPECT_STREQ(error.what(), "cannot signal /bin/sh: it has exited");
    }
    EXPECT_TRUE(child->endedWith<ProcessDone>());
}

// P-8: a child that something else in this program has reaped cannot be signalled either.
TEST_F(ProcessTransportTest, aSignalToAStolenChildThrows) {
    const Recorder child = recorder();
    const auto process = shell(child, "exit 0");
    ASSERT_EQ(::waitpid(*process->pid(), nullptr, 0), *process->pid());
    EXPECT_THROW(process->signalProcess(SIGTERM), ProcessExitedAlready);
    untilEnded(child);
}

// P-8: what is no signal is misuse.
TEST_F(ProcessTransportTest, noSignalIsMisuse) {
    const Recorder child = recorder();
    const auto process = shell(child, "read line");
    EXPECT_THROW(process->signalProcess("WINTER"), std::invalid_argument);
    EXPECT_THROW(process->signalProcess(""), std::invalid_argument);
    EXPECT_THROW(process->signalProcess(0), std::invalid_argument);
    EXPECT_THROW(process->signalProcess(-1), std::invalid_argument);
    EXPECT_THROW(process->signalProcess(NSIG), std::invalid_argument);
    process->closeStdin();
    untilEnded(child);
}

// P-9: closeStdin() closes behind what was written, however much; what is written later is ignored.
TEST_F(ProcessTransportTest, closingStdinFlushesFirst) {
    const std::string much(3 * 1024 * 1024, 'x');
    const Recorder child = recorder();
    const auto process = spawn(child, "/bin/cat", {});
    process->write(much);
    process->write("end");
    process->closeStdin();
    process->closeStdin();
    runUntil([&] { return child->inLost == 1; });
    process->write("ignored");
    process->writeToChild(0, "ignored");
    process->closeStdin();
    untilEnded(child);
    EXPECT_EQ(child->out.size(), much.size() + 3);
    EXPECT_TRUE(child->out.ends_with("xend"));
    EXPECT_TRUE(child->endedWith<ProcessDone>());
}

// A write to a child that reads no more closes the pipe, and no SIGPIPE ends this program.
TEST_F(ProcessTransportTest, writingToADeafChildIsNoSigpipe) {
    struct sigaction usual{};
    usual.sa_handler = SIG_DFL;
    struct sigaction before{};
    sigaction(SIGPIPE, &usual, &before);
    const Recorder child = recorder();
    writeToTheDead(child);
    sigaction(SIGPIPE, &before, nullptr);
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

// A SIGPIPE of the program's own that waits, blocked, is left to it.
TEST_F(ProcessTransportTest, aPendingSigpipeIsLeftAlone) {
    sigset_t pipe;
    sigset_t mask;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &mask);
    ::raise(SIGPIPE);
    const Recorder child = recorder();
    writeToTheDead(child);
    const timespec now{};
    EXPECT_EQ(sigtimedwait(&pipe, nullptr, &now), SIGPIPE);
    pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

// P-10: a descriptor that is no pipe to the child is misuse, with the knob in the message.
TEST_F(ProcessTransportTest, anUnmappedDescriptorThrows) {
    const Recorder child = recorder();
    const auto process = shell(child, "read line");
    EXPECT_THROW(process->closeChildFd(7), std::out_of_range);
    EXPECT_THROW(process->writeToChild(1, "it is read"), std::out_of_range);
    try {
        process->writeToChild(7, "nowhere");
        ADD_FAILURE() << "nothing thrown";
    } catch (const std::out_of_range& error) {
        EXPECT_STREQ(error.what(),
                     "writeToChild(7): not a pipe to the child (ProcessOptions::childFds)");
    }
    process->closeChildFd(0);
    untilEnded(child);
    EXPECT_NO_THROW(process->closeChildFd(0));
}

// Descriptors of any number are read and written.
TEST_F(ProcessTransportTest, anyDescriptorCanBeAPipe) {
    ProcessOptions options;
    options.childFds = {{3, 'r'}, {4, 'w'}, {9, 'r'}};
    const Recorder child = recorder();
    const auto process = shell(child, "read line <&4; echo got $line >&3; echo nine >&9", options);
    process->write("there is no standard input");
    process->closeStdin();
    process->closeStdout();
    process->closeStderr();
    process->writeToChild(4, "four\n");
    untilEnded(child);
    EXPECT_EQ(child->received[3], "got four\n");
    EXPECT_EQ(child->received[9], "nine\n");
    EXPECT_EQ(child->inLost + child->outLost + child->errLost, 0);
}

// Closing what the child writes to ends its writing with SIGPIPE, whatever this process ignores.
TEST_F(ProcessTransportTest, closingStdoutBreaksTheChildsPipe) {
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    struct sigaction before{};
    sigaction(SIGPIPE, &ignore, &before);
    const Recorder child = recorder();
    child->onData = [](RecordingProcess& self) { self.transport()->closeStdout(); };
    spawn(child, "/usr/bin/yes", {});
    untilEnded(child);
    sigaction(SIGPIPE, &before, nullptr);
    EXPECT_EQ(child->deliveries, 1);
    EXPECT_EQ(child->outLost, 1);
    EXPECT_EQ(child->ended->check<ProcessTerminated>()->signal(), SIGPIPE);
}

// loseConnection() closes all three; each is reported, none from inside the call.
TEST_F(ProcessTransportTest, loseConnectionClosesAllPipes) {
    const Recorder child = recorder();
    const auto process = spawn(child, "/bin/cat", {});
    process->loseConnection();
    EXPECT_THAT(child->events, ElementsAre("made"));
    process->closeStderr();
    untilEnded(child);
    EXPECT_EQ(child->inLost, 1);
    EXPECT_EQ(child->outLost, 1);
    EXPECT_EQ(child->errLost, 1);
}

// P-16: pausing stops both output pipes, and resuming lets both go on.
TEST_F(ProcessTransportTest, pausingHoldsAllOutput) {
    const Recorder child = recorder();
    const auto process = shell(child, "echo out; echo err >&2; read line");
    process->pauseProducing();
    turn(5);
    // The child is told to end, and is dead: all that it wrote is in the pipes.
    process->closeStdin();
    runUntil([&] { return child->exited.has_value(); });
    turn(5);
    EXPECT_EQ(child->deliveries, 0);
    EXPECT_FALSE(child->ended);
    process->resumeProducing();
    untilEnded(child);
    EXPECT_EQ(child->out, "out\n");
    EXPECT_EQ(child->err, "err\n");
    process->pauseProducing();
    process->resumeProducing();
}

// Pausing from within a delivery stops the next one.
TEST_F(ProcessTransportTest, pausingWhileDataComesStopsTheNext) {
    const Recorder child = recorder();
    child->onData = [](RecordingProcess& self) { self.transport()->pauseProducing(); };
    const auto process = shell(child, "/usr/bin/yes | /usr/bin/head -c 1000000");
    int resumed = 0;
    while (!child->ended && resumed < 1000) {
        const int before = child->deliveries;
        runUntil([&] { return child->deliveries > before || child->ended; });
        turn(3);
        EXPECT_LE(child->deliveries, before + 1);
        process->resumeProducing();
        ++resumed;
    }
    EXPECT_EQ(child->out.size(), 1000000U);
}

// P-17: with a terminal all output is 1, input and output work, and the end is reported once.
TEST_F(ProcessTransportTest, aTerminalIsOneStream) {
    ProcessOptions options;
    options.usePty = true;
    const Recorder child = recorder();
    const auto process = shell(child,
                               "test -t 0 && test -t 1 && test -t 2 && echo terminal; "
                               "echo err >&2; echo own >/dev/tty; read line; echo got $line",
                               options);
    process->write("this\n");
    untilEnded(child);
    EXPECT_THAT(child->received[1], HasSubstr("terminal\r\n"));
    EXPECT_THAT(child->received[1], HasSubstr("err\r\n"));
    EXPECT_THAT(child->received[1], HasSubstr("own\r\n"));
    EXPECT_THAT(child->received[1], HasSubstr("got this\r\n"));
    EXPECT_EQ(child->received[2], "");
    EXPECT_EQ(std::count(child->events.begin(), child->events.end(), "ended"), 1);
    EXPECT_EQ(std::count(child->events.begin(), child->events.end(), "lost 1"), 1);
    EXPECT_EQ(child->events.size(), 4U);
}

// P-17: a killed child on a terminal is reported once as well; closing single streams does nothing.
TEST_F(ProcessTransportTest, aKilledTerminalEndsOnce) {
    ProcessOptions options;
    options.usePty = true;
    const Recorder child = recorder();
    const auto process = spawn(child, "/bin/cat", {}, options);
    process->closeStdin();
    process->closeStdout();
    process->closeStderr();
    process->writeToChild(0, "echoed\n");
    runUntil([&] { return child->out.find("echoed\r\nechoed\r\n") != std::string::npos; });
    process->signalProcess("KILL");
    untilEnded(child);
    EXPECT_EQ(child->ended->check<ProcessTerminated>()->signal(), SIGKILL);
    EXPECT_EQ(child->events.size(), 4U);
}

// P-17: losing a terminal hangs it up; the child has nothing else open.
TEST_F(ProcessTransportTest, aLostTerminalHangsUp) {
    ProcessOptions options;
    options.usePty = true;
    const Recorder child = recorder();
    const auto process = spawn(child, "/bin/ls", {"-1", "/proc/self/fd"}, options);
    untilEnded(child);
    EXPECT_EQ(child->out, "0\r\n1\r\n2\r\n3\r\n");
    const Recorder other = recorder();
    spawn(other, "/bin/cat", {}, options)->loseConnection();
    untilEnded(other);
    EXPECT_EQ(other->ended->check<ProcessTerminated>()->signal(), SIGHUP);
}

// A pull producer is asked for each piece, and closing waits until it has done.
TEST_F(ProcessTransportTest, aPullProducerIsAskedPieceByPiece) {
    const Recorder child = recorder();
    const auto process = spawn(child, "/bin/cat", {});
    Source source(process, {"one ", "two ", "three"});
    process->registerProducer(source, Producing::Pull);
    EXPECT_EQ(source.resumed, 1);
    process->closeStdin();
    untilEnded(child);
    EXPECT_EQ(child->out, "one two three");
    EXPECT_EQ(source.resumed, 4);
    EXPECT_EQ(source.stopped, 0);
}

// A push producer is paused when 64 KiB and more wait, and resumed when the child has taken them.
TEST_F(ProcessTransportTest, aPushProducerIsPausedAndResumed) {
    const Recorder child = recorder();
    const auto process = shell(child, "read go; /bin/cat >/dev/null");
    Source source(process, {});
    process->registerProducer(source, Producing::Push);
    EXPECT_THROW(process->registerProducer(source, Producing::Push), std::logic_error);
    process->write("little");
    EXPECT_EQ(source.paused, 0);
    process->write(std::string(300 * 1024, 'x'));
    EXPECT_EQ(source.paused, 1);
    turn(3);
    EXPECT_EQ(source.resumed, 0) << "the child reads nothing yet";
    process->write("\n");
    EXPECT_EQ(source.paused, 1) << "it is paused already";
    runUntil([&] { return source.resumed == 1; });
    process->closeStdin();
    untilEnded(child);
}

// A producer learns that the child reads no more; one that comes later, or where there is no
// standard input, learns it at once.
TEST_F(ProcessTransportTest, aProducerIsStoppedWhenTheChildIsDeaf) {
    const Recorder child = recorder();
    const auto process = shell(child, "exec 0<&-; exit 0");
    Source source(process, {});
    process->registerProducer(source, Producing::Push);
    untilEnded(child);
    EXPECT_EQ(source.stopped, 1);
    process->registerProducer(source, Producing::Push);
    EXPECT_EQ(source.stopped, 2);
    process->unregisterProducer();
    ProcessOptions options;
    options.childFds = {{0, 'r'}};
    const Recorder other = recorder();
    const auto second = shell(other, "exit 0", options);
    second->registerProducer(source, Producing::Pull);
    EXPECT_EQ(source.stopped, 3);
    EXPECT_EQ(source.resumed, 0);
    untilEnded(other);
}

// A pipe that the loop cannot watch is closed and logged, and all ends as it should.
TEST_F(ProcessTransportTest, aPipeThatCannotBeWatchedIsClosed) {
    const FaultsEnd end;
    const Recorder child = recorder();
    const auto process = shell(child, "read line; echo heard");
    process->pauseProducing();
    faults().epollCtlError = ENOSPC;
    process->resumeProducing();
    faults().epollCtlError = 0;
    runUntil([&] { return child->outLost + child->errLost == 2; });
    EXPECT_EQ(logged().count("a child's pipe is closed"), 2U);
    logged().clear();
    process->closeStdin();
    untilEnded(child);
}

// The end of the reactor ends what it knows of the child, and leaves no descriptor.
TEST_F(ProcessTransportTest, theReactorsEndEndsIt) {
    const Recorder child = recorder();
    const auto process = spawn(child, "/bin/sleep", {"1000"});
    const pid_t pid = process->pid().value();
    child->onPipeLost = [&dying = reactor()](RecordingProcess&) {
        EXPECT_THROW(dying.spawnProcess(recorder(), "/bin/true", {"true"}), ReactorNotRunning);
    };
    dropReactor();
    EXPECT_TRUE(child->endedWith<ConnectionLost>());
    EXPECT_EQ(child->inLost + child->outLost + child->errLost, 3);
    process->write("nobody");
    process->closeStdin();
    process->loseConnection();
    process->resumeProducing();
    ::kill(pid, SIGKILL);
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
    const std::size_t without = openFds();
    dropped([without] {
        const Reactor another;
        return openFds() - without;
    }());
}

}  // namespace
}  // namespace marline::testing
