// spawnProcess(): area P, how a child is started, and what can fail.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/process.hpp>

#include "test/reactor/process/faults.hpp"
#include "test/reactor/process/process_bed.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::testing {
namespace {

using test::TempFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SpawnTest : public ProcessBed {
protected:
    /// The error of a spawn that must fail, after which nothing is left of it.
    template <class Spawn>
    SpawnError refused(const Recorder& child, Spawn&& spawn) {
        const std::size_t fds = openFds();
        std::optional<SpawnError> error;
        try {
            spawn();
        } catch (const SpawnError& why) {
            error = why;
        }
        EXPECT_TRUE(error) << "it was started";
        EXPECT_EQ(openFds(), fds);
        EXPECT_FALSE(hasChildren());
        EXPECT_THAT(child->events, IsEmpty());
        return error.value_or(SpawnError("nothing", std::error_code()));
    }

private:
    FaultsEnd faultsEnd_;
};

// P-11: the child has 0, 1 and 2 and nothing else, whatever this process has open without CLOEXEC.
// (The 3 is the directory that ls reads.)
TEST_F(SpawnTest, noDescriptorLeaksIntoTheChild) {
    const int low = ::open("/dev/null", O_RDONLY);
    const int high = fcntl(low, F_DUPFD, 700);
    const Recorder other = recorder();
    shell(other, "read line");
    const Recorder child = recorder();
    spawn(child, "/bin/ls", {"/proc/self/fd"});
    untilEnded(child);
    EXPECT_EQ(child->out, "0\n1\n2\n3\n");
    other->transport()->closeStdin();
    untilEnded(other);
    ::close(low);
    ::close(high);
}

// P-11: the same with a map that has a hole, and without close_range().
TEST_F(SpawnTest, noDescriptorLeaksWithoutCloseRange) {
    const int low = ::open("/dev/null", O_RDONLY);
    const int high = fcntl(low, F_DUPFD, 700);
    ProcessOptions options;
    options.childFds = ChildFds{{1, 'r'}, {2, 'r'}, {5, 'w'}};
    for (const int error : {0, ENOSYS}) {
        faults().closeRangeError = error;
        const Recorder child = recorder();
        spawn(child, "/bin/ls", {"/proc/self/fd"}, options);
        untilEnded(child);
        EXPECT_EQ(child->out, "0\n1\n2\n5\n") << child->err;
    }
    ::close(low);
    ::close(high);
}

// P-11: the same when there is more than one reading of the list of descriptors.
TEST_F(SpawnTest, noneOfManyDescriptorsLeaksWithoutCloseRange) {
    std::vector<int> many;
    for (int i = 0; i < 500; ++i) {
        many.push_back(::open("/dev/null", O_RDONLY));
    }
    faults().closeRangeError = ENOSYS;
    const Recorder child = recorder();
    spawn(child, "/bin/ls", {"/proc/self/fd"});
    untilEnded(child);
    EXPECT_EQ(child->out, "0\n1\n2\n3\n") << child->err;
    for (const int fd : many) {
        ::close(fd);
    }
}

// P-11: when other descriptors cannot be closed at all, the child is not started.
TEST_F(SpawnTest, aChildWithMoreThanItsOwnIsNotStarted) {
    faults().closeRangeError = ENOSYS;
    faults().getdentsError = EIO;
    const Recorder child = recorder();
    const SpawnError error = refused(child, [&] { shell(child, "exit 0"); });
    EXPECT_EQ(error.code().value(), EIO);
    EXPECT_THAT(error.what(), HasSubstr("cannot run /bin/sh (its descriptors)"));
}

// P-11: no signal is ignored or blocked in the child, whatever this process does about them.
TEST_F(SpawnTest, signalsAreAsNewInTheChild) {
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    struct sigaction before{};
    sigaction(SIGUSR1, &ignore, &before);
    sigset_t blocked;
    sigset_t mask;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &mask);
    const Recorder child = recorder();
    spawn(child, "/bin/grep", {"-E", "^Sig(Ign|Blk)", "/proc/self/status"});
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, &mask, &now);
    sigaction(SIGUSR1, &before, nullptr);
    untilEnded(child);
    EXPECT_EQ(child->out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    EXPECT_TRUE(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGINT) == 0)
        << "this process's own mask was changed";
}

// P-12: the environment is empty unless one is given.
TEST_F(SpawnTest, theEnvironmentIsEmpty) {
    const Recorder child = recorder();
    spawn(child, "/usr/bin/env", {});
    untilEnded(child);
    EXPECT_EQ(child->out, "");
}

// P-12: a given environment is all that the child has.
TEST_F(SpawnTest, aGivenEnvironmentIsTheWhole) {
    const Recorder child = recorder();
    ProcessOptions options;
    options.env = Environment{{"ONE", "1"}, {"EMPTY", ""}};
    spawn(child, "/usr/bin/env", {}, options);
    untilEnded(child);
    EXPECT_EQ(child->out, "EMPTY=\nONE=1\n");
}

// P-12: no environment at all passes this process's on.
TEST_F(SpawnTest, theEnvironmentIsInheritedWhenAskedFor) {
    ::setenv("MARLINE_SPAWN_TEST", "inherited", 1);
    const Recorder child = recorder();
    ProcessOptions options;
    options.env.reset();
    shell(child, "echo $MARLINE_SPAWN_TEST", options);
    ::unsetenv("MARLINE_SPAWN_TEST");
    untilEnded(child);
    EXPECT_EQ(child->out, "inherited\n");
}

// An executable without a slash is searched for in the child's PATH, else in /bin and /usr/bin.
TEST_F(SpawnTest, theExecutableIsSearchedForInTheChildsPath) {
    const TempFolder directory;
    std::filesystem::create_symlink("/bin/echo", directory.path() + "/marline-echo");
    for (const std::string& path : {"/nowhere:" + directory.path(), directory.path()}) {
        const Recorder child = recorder();
        ProcessOptions options;
        options.env = Environment{{"PATH", path}};
        spawn(child, "marline-echo", {"found"}, options);
        untilEnded(child);
        EXPECT_EQ(child->out, "found\n");
    }
    const Recorder child = recorder();
    spawn(child, "echo", {"usual"});
    untilEnded(child);
    EXPECT_EQ(child->out, "usual\n");
    ProcessOptions here;
    here.env = Environment{{"PATH", ""}};
    here.path = directory.path();
    const Recorder last = recorder();
    spawn(last, "marline-echo", {"here"}, here);
    untilEnded(last);
    EXPECT_EQ(last->out, "here\n");
}

// P-13: an executable that is not there: one error that names it and the reason, thrown at the
// call; the protocol hears nothing.
TEST_F(SpawnTest, aMissingExecutableIsNamed) {
    const Recorder child = recorder();
    const SpawnError error = refused(child, [&] { spawn(child, "/no/such/program", {}); });
    EXPECT_EQ(error.code().value(), ENOENT);
    EXPECT_STREQ(error.what(), "cannot run /no/such/program: No such file or directory");
    const SpawnError searched = refused(child, [&] { spawn(child, "no-such-program", {}); });
    EXPECT_STREQ(searched.what(),
                 "cannot run no-such-program (searched for in /bin:/usr/bin): No "
                 "such file or directory");
    EXPECT_EQ(refused(child, [&] { spawn(child, "", {}); }).code().value(), ENOENT);
}

// P-13: a file that may not be executed, also when the search goes on behind it.
TEST_F(SpawnTest, aForbiddenExecutableIsNamed) {
    const TempFolder directory;
    std::ofstream(directory.path() + "/plain") << "text";
    const Recorder child = recorder();
    const SpawnError error = refused(child, [&] { spawn(child, directory.path() + "/plain", {}); });
    EXPECT_EQ(error.code().value(), EACCES);
    ProcessOptions options;
    options.env = Environment{{"PATH", directory.path() + ":/nowhere"}};
    EXPECT_EQ(refused(child, [&] { spawn(child, "plain", {}, options); }).code().value(), EACCES);
    ::chmod((directory.path() + "/plain").c_str(), 0755);
    EXPECT_EQ(refused(child, [&] { spawn(child, "plain", {}, options); }).code().value(), ENOEXEC);
}

// The working directory is the child's alone, and a missing one is named.
TEST_F(SpawnTest, theWorkingDirectoryIsEntered) {
    const TempFolder directory;
    ProcessOptions options;
    options.path = directory.path();
    const Recorder child = recorder();
    spawn(child, "/bin/pwd", {}, options);
    untilEnded(child);
    EXPECT_EQ(child->out, directory.path() + "\n");
    options.path = "/no/such/directory";
    const Recorder other = recorder();
    const SpawnError error = refused(other, [&] { spawn(other, "/bin/pwd", {}, options); });
    EXPECT_STREQ(
        error.what(),
        "cannot run /bin/pwd in the directory /no/such/directory: No such file or directory");
}

// The child becomes another user and group, with that user's groups; without the privilege that is
// an error that names both.
TEST_F(SpawnTest, theUserIsBecome) {
    ProcessOptions options;
    const Recorder child = recorder();
    if (::geteuid() != 0) {
        options.uid = 0;
        options.gid = ::getegid();
        const SpawnError error = refused(child, [&] { shell(child, "id", options); });
        EXPECT_EQ(error.code().value(), EPERM);
        EXPECT_THAT(error.what(), HasSubstr("as user 0, group"));
        return;
    }
    options.uid = 65534;
    options.gid = 12345;
    shell(child, "id -u; id -g; id -G", options);
    untilEnded(child);
    EXPECT_EQ(child->out, "65534\n12345\n12345\n") << child->err;
    EXPECT_EQ(::geteuid(), 0U) << "this process is what it was";
    options.uid = 54321;  // no user that the system knows
    options.gid.reset();
    const Recorder unknown = recorder();
    shell(unknown, "id -u; id -g", options);
    untilEnded(unknown);
    EXPECT_EQ(unknown->out, "54321\n0\n") << unknown->err;
}

// The child's descriptors are this process's where the map says so, even when both exchange theirs.
TEST_F(SpawnTest, descriptorsAreInherited) {
    const int one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int two = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    ProcessOptions options;
    options.childFds = ChildFds{{0, one}, {1, 'r'}, {2, 'r'}, {one, two}, {two, one}};
    const auto link = [](int fd) {
        return "/usr/bin/readlink /proc/self/fd/" + std::to_string(fd);
    };
    const Recorder child = ran(link(0) + ";" + link(one) + ";" + link(two), options);
    EXPECT_EQ(child->out, "/dev/null\n/dev/zero\n/dev/null\n") << child->err;
    ::close(one);
    ::close(two);
}

// A descriptor that is not open cannot be inherited, and that is said.
TEST_F(SpawnTest, aClosedDescriptorIsRefused) {
    ProcessOptions options;
    options.childFds = ChildFds{{1, 'r'}, {0, 9999}};
    const Recorder child = recorder();
    const SpawnError error = refused(child, [&] { shell(child, "exit 0", options); });
    EXPECT_EQ(error.code().value(), EBADF);
    EXPECT_STREQ(error.what(), "cannot run /bin/sh (its descriptors): Bad file descriptor");
}

// P-14: a pipe that cannot be made closes those that were, and is the error.
TEST_F(SpawnTest, aFailingPipeLeavesNothingOpen) {
    const Recorder child = recorder();
    for (int pipes = 0; pipes < 3; ++pipes) {
        faults().pipe2Error = EMFILE;
        faults().pipe2Succeeds = pipes;
        const SpawnError error = refused(child, [&] { shell(child, "exit 0"); });
        EXPECT_EQ(error.code().value(), EMFILE);
        EXPECT_THAT(error.what(), HasSubstr("cannot run /bin/sh (no pipes): Too many open files"));
    }
}

// P-14: the same for a process that cannot be made.
TEST_F(SpawnTest, aFailingForkLeavesNothingOpen) {
    faults().cloneError = EAGAIN;
    const Recorder child = recorder();
    const SpawnError error = refused(child, [&] { shell(child, "exit 0"); });
    EXPECT_EQ(error.code().value(), EAGAIN);
    EXPECT_THAT(error.what(), HasSubstr("cannot run /bin/sh (no new process)"));
}

// Without pidfd a thread waits for the child: all ends as ever, for several at once.
TEST_F(SpawnTest, endsAreHeardOfWithoutPidfd) {
    faults().pidfdOpenError = ENOSYS;
    std::vector<Recorder> children;
    for (int code = 0; code < 5; ++code) {
        children.push_back(recorder());
        shell(children.back(), "read line; exit " + std::to_string(code));
    }
    for (std::size_t i = children.size(); i-- > 0;) {
        EXPECT_FALSE(children[i]->ended);
        children[i]->transport()->closeStdin();
        untilEnded(children[i]);
        const auto* why = children[i]->ended->check<ProcessTerminated>();
        EXPECT_EQ(why != nullptr ? why->exitCode().value_or(-1) : 0, static_cast<int>(i));
    }
}

// A child that cannot be watched at all does not run on unseen.
TEST_F(SpawnTest, aChildThatCannotBeWatchedIsKilled) {
    faults().pidfdOpenError = EMFILE;
    faults().pipe2Error = EMFILE;
    faults().pipe2Succeeds = 3;
    const Recorder child = recorder();
    const SpawnError error = refused(child, [&] { shell(child, "while :; do :; done"); });
    EXPECT_EQ(error.code().value(), EMFILE);
    EXPECT_THAT(error.what(), HasSubstr("cannot watch /bin/sh, which was killed"));
}

// Misuse is told at the call, by the name of what is wrong.
TEST_F(SpawnTest, misuseThrows) {
    const Recorder child = recorder();
    const auto misuse = [&](const ProcessOptions& options) {
        EXPECT_THROW(shell(child, "exit 0", options), std::invalid_argument);
    };
    misuse({.usePty = true, .childFds = ChildFds{{0, 'w'}}});
    misuse({.childFds = ChildFds{{-1, 'w'}}});
    misuse({.env = Environment{{"A=B", "c"}}});
    misuse({.env = Environment{{"", "c"}}});
    misuse({.env = Environment{{"A", std::string("c\0d", 3)}}});
    misuse({.path = std::string("/tmp\0x", 6)});
    EXPECT_THROW(ChildFd('x'), std::invalid_argument);
    EXPECT_THROW(ChildFd(-1), std::invalid_argument);
    EXPECT_THROW(reactor().spawnProcess(child, "/bin/true", {}), std::invalid_argument);
    EXPECT_THROW(reactor().spawnProcess(child, std::string("/bin/true\0", 10), {"true"}),
                 std::invalid_argument);
    EXPECT_THROW(reactor().spawnProcess(child, "/bin/true", {std::string("a\0b", 3)}),
                 std::invalid_argument);
    std::thread([&] {
        EXPECT_THROW(reactor().spawnProcess(child, "/bin/true", {"true"}), WrongThread);
    }).join();
    EXPECT_THAT(child->events, IsEmpty());
}

}  // namespace
}  // namespace marline::testing
