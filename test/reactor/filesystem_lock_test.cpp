// FilesystemLock and DeferredFilesystemLock. Area LK.
#include <marline/reactor/filesystem_lock.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/result.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/temp_folder.hpp"

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

using marline::Deferred;
using marline::DeferredFilesystemLock;
using marline::FilesystemLock;
using marline::FilesystemLockError;
using marline::isLocked;
using marline::Result;
using marline::testing::Clock;
using testing::HasSubstr;

/// The id of a process that has died.
std::string deadProcess() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(0);
    }
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    return std::to_string(child);
}

/// A directory of the test's own.
class FilesystemLockTest : public testing::Test {
protected:
    std::string path() const { return directory_ / "lock"; }
    void linkTo(const std::string& target) const { fs::create_symlink(target, path()); }
    std::string target() const { return fs::read_symlink(path()).string(); }

    marline::test::TempFolder directory_;
};

/// What came of one wait.
struct Wait {
    explicit Wait(Deferred<> d) : deferred_(d) {
        d.addBoth([this](const Result<>& result) {
            words = result.ok() ? "locked" : result.failure().brief();
        });
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    void cancel() { deferred_.cancel(); }

    std::string words;

private:
    Deferred<> deferred_;
};

using WaitingLock = FilesystemLockTest;

// The link names this process while the lock is held, and is gone afterwards.
TEST_F(FilesystemLockTest, isALinkThatNamesTheHolder) {
    FilesystemLock lock(path());
    EXPECT_FALSE(lock.locked());
    EXPECT_TRUE(lock.lock());
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(lock.clean());
    EXPECT_EQ(target(), std::to_string(::getpid()));
    lock.unlock();
    EXPECT_FALSE(lock.locked());
    EXPECT_FALSE(fs::is_symlink(path()));
}

// One holder at a time, in this process too.
TEST_F(FilesystemLockTest, hasOneHolder) {
    FilesystemLock first(path());
    FilesystemLock second(path());
    EXPECT_FALSE(isLocked(path()));
    EXPECT_TRUE(first.lock());
    EXPECT_FALSE(second.lock());
    EXPECT_FALSE(first.lock());
    EXPECT_TRUE(first.locked());
    EXPECT_TRUE(isLocked(path()));
    first.unlock();
    EXPECT_TRUE(second.lock());
}

// The lock of a process that lives is not taken, whosever it is.
TEST_F(FilesystemLockTest, respectsTheLiving) {
    FilesystemLock lock(path());
    for (const pid_t living : {::getppid(), pid_t{1}}) {
        linkTo(std::to_string(living));
        EXPECT_FALSE(lock.lock()) << living;
        fs::remove(path());
    }
}

// The lock of a process that died is taken over, and that is told.
TEST_F(FilesystemLockTest, takesOverFromTheDead) {
    linkTo(deadProcess());
    FilesystemLock lock(path());
    EXPECT_TRUE(lock.lock());
    EXPECT_FALSE(lock.clean());
    EXPECT_EQ(target(), std::to_string(::getpid()));
    lock.unlock();
    EXPECT_TRUE(lock.lock());
    EXPECT_TRUE(lock.clean());
}

// While another process takes over from the dead one, this one stands back.
TEST_F(FilesystemLockTest, takesOverOneAtATime) {
    linkTo(deadProcess());
    const int other = ::open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(other, 0);
    ASSERT_EQ(::flock(other, LOCK_EX), 0);
    FilesystemLock lock(path());
    EXPECT_FALSE(lock.lock());
    EXPECT_EQ(::close(other), 0);
    EXPECT_TRUE(lock.lock());
}

// The path may be relative to the working directory.
TEST_F(FilesystemLockTest, takesARelativePath) {
    const fs::path before = fs::current_path();
    fs::current_path(directory_.path());
    linkTo(deadProcess());
    FilesystemLock lock("lock");
    EXPECT_TRUE(lock.lock());
    lock.unlock();
    fs::current_path(before);
}

// Giving back what one does not hold is misuse.
TEST_F(FilesystemLockTest, unlockingTwiceThrows) {
    FilesystemLock lock(path());
    EXPECT_THROW(lock.unlock(), std::logic_error);
    EXPECT_TRUE(lock.lock());
    lock.unlock();
    EXPECT_THROW(lock.unlock(), std::logic_error);
}

// A lock that somebody took away is not given back: it may be another's by now.
TEST_F(FilesystemLockTest, doesNotGiveBackAnothers) {
    FilesystemLock lock(path());
    EXPECT_TRUE(lock.lock());
    fs::remove(path());
    EXPECT_THROW(lock.unlock(), FilesystemLockError);
    EXPECT_FALSE(lock.locked());
    EXPECT_TRUE(lock.lock());
    fs::remove(path());
    linkTo("1");
    EXPECT_THROW(lock.unlock(), FilesystemLockError);
    EXPECT_EQ(target(), "1");
}

// What stands there and is no lock is an error that names it.
TEST_F(FilesystemLockTest, namesWhatIsNoLock) {
    FilesystemLock lock(path());
    for (const char* const nonsense :
         {"nobody", "-5", "0", "12x", "99999999999999999999999999999999999"}) {
        linkTo(nonsense);
        try {
            lock.lock();
            FAIL() << nonsense;
        } catch (const FilesystemLockError& error) {
            EXPECT_THAT(error.what(), HasSubstr(path() + ", a link that names no process"));
        }
        fs::remove(path());
    }
    std::ofstream(path()) << "a file";
    EXPECT_THROW(lock.lock(), FilesystemLockError);
}

// What the system refuses is an error with its code.
TEST_F(FilesystemLockTest, tellsWhatTheSystemSays) {
    FilesystemLock lock(directory_ / "missing/lock");
    try {
        lock.lock();
        FAIL() << "locked in a directory that is not there";
    } catch (const FilesystemLockError& error) {
        EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
        EXPECT_THAT(error.what(), HasSubstr("missing/lock"));
    }
}

std::string lastLogged;
void keepLast(marline::LogLevel, std::string_view message) noexcept { lastLogged = message; }

// The destructor gives the lock back, and logs when it cannot.
TEST_F(FilesystemLockTest, itsEndGivesItBack) {
    const auto before = marline::setLogObserver(&keepLast);
    {
        FilesystemLock lock(path());
        EXPECT_TRUE(lock.lock());
    }
    EXPECT_FALSE(fs::is_symlink(path()));
    EXPECT_EQ(lastLogged, "");
    {
        FilesystemLock lock(path());
        EXPECT_TRUE(lock.lock());
        fs::remove(path());
    }
    EXPECT_THAT(lastLogged, HasSubstr("give back the lock " + path()));
    marline::setLogObserver(before);
}

// LK-12: a free lock is had at once, with and without a deadline, and leaves no timer.
TEST_F(WaitingLock, aFreeOneIsHadAtOnce) {
    Clock clock;
    DeferredFilesystemLock lock(path(), clock);
    Wait wait(lock.deferUntilLocked());
    EXPECT_EQ(wait.words, "locked");
    lock.unlock();
    Wait again(lock.deferUntilLocked(5s));
    EXPECT_EQ(again.words, "locked");
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// LK-12: it tries again once a second.
TEST_F(WaitingLock, triesOnceASecond) {
    Clock clock;
    FilesystemLock other(path());
    ASSERT_TRUE(other.lock());
    DeferredFilesystemLock lock(path(), clock);
    Wait wait(lock.deferUntilLocked());
    clock.advance(1s);
    clock.advance(1s);
    other.unlock();
    clock.advance(999ms);
    EXPECT_EQ(wait.words, "");
    clock.advance(1ms);
    EXPECT_EQ(wait.words, "locked");
    EXPECT_TRUE(lock.locked());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// LK-12: it fails with TimeoutError at its deadline, and leaves no timer.
TEST_F(WaitingLock, failsAtItsDeadline) {
    Clock clock;
    FilesystemLock other(path());
    ASSERT_TRUE(other.lock());
    DeferredFilesystemLock lock(path(), clock);
    Wait wait(lock.deferUntilLocked(2500ms));
    clock.advance(1s);
    clock.advance(1s);
    EXPECT_EQ(wait.words, "");
    clock.advance(500ms);
    EXPECT_EQ(wait.words,
              "marline::TimeoutError: the lock " + path() + " was not to be had within 2.5 s");
    EXPECT_FALSE(lock.locked());
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// LK-12: the deadline is a last attempt.
TEST_F(WaitingLock, theDeadlineIsALastAttempt) {
    Clock clock;
    FilesystemLock other(path());
    ASSERT_TRUE(other.lock());
    DeferredFilesystemLock lock(path(), clock);
    Wait wait(lock.deferUntilLocked(500ms));
    other.unlock();
    clock.advance(500ms);
    EXPECT_EQ(wait.words, "locked");
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// LK-12: and before it the deadline is forgotten when the lock is had.
TEST_F(WaitingLock, aDeadlineIsForgottenInTime) {
    Clock clock;
    FilesystemLock other(path());
    ASSERT_TRUE(other.lock());
    DeferredFilesystemLock lock(path(), clock);
    Wait wait(lock.deferUntilLocked(10s));
    other.unlock();
    clock.advance(1s);
    EXPECT_EQ(wait.words, "locked");
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// LK-12: a second wait at the same time is refused, and the first one goes on.
TEST_F(WaitingLock, refusesASecondWait) {
    Clock clock;
    FilesystemLock other(path());
    ASSERT_TRUE(other.lock());
    DeferredFilesystemLock lock(path(), clock);
    Wait first(lock.deferUntilLocked());
    Wait second(lock.deferUntilLocked());
    EXPECT_THAT(second.words,
                HasSubstr("AlreadyTryingToLockError: deferUntilLocked() of " + path()));
    other.unlock();
    clock.advance(1s);
    EXPECT_EQ(first.words, "locked");
}

// LK-12: cancelled it stops its timers, and can be waited for again.
TEST_F(WaitingLock, cancellingStopsTheTimers) {
    Clock clock;
    FilesystemLock other(path());
    ASSERT_TRUE(other.lock());
    DeferredFilesystemLock lock(path(), clock);
    for (const std::optional<marline::Duration> timeout :
         {std::optional<marline::Duration>(), std::optional<marline::Duration>(10s)}) {
        Wait wait(lock.deferUntilLocked(timeout));
        EXPECT_EQ(clock.pendingCalls(), timeout ? 2U : 1U);
        wait.cancel();
        EXPECT_EQ(wait.words, "marline::CancelledError: cancelled");
        EXPECT_EQ(clock.pendingCalls(), 0U);
    }
    other.unlock();
    clock.advance(20s);
    EXPECT_FALSE(lock.locked());
    Wait again(lock.deferUntilLocked());
    EXPECT_EQ(again.words, "locked");
}

// What the system refuses fails the wait, at once or later.
TEST_F(WaitingLock, failsWithTheSystemsError) {
    Clock clock;
    DeferredFilesystemLock nowhere(directory_ / "missing/lock", clock);
    Wait atOnce(nowhere.deferUntilLocked());
    EXPECT_THAT(atOnce.words, HasSubstr("marline::FilesystemLockError: take the lock"));
    linkTo("1");
    DeferredFilesystemLock lock(path(), clock);
    Wait later(lock.deferUntilLocked(10s));
    fs::remove(path());
    linkTo("nobody");
    clock.advance(1s);
    EXPECT_THAT(later.words, HasSubstr("names no process"));
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A negative deadline is misuse.
TEST_F(WaitingLock, refusesANegativeTimeout) {
    Clock clock;
    DeferredFilesystemLock lock(path(), clock);
    EXPECT_THROW(static_cast<void>(lock.deferUntilLocked(-1s)), std::invalid_argument);
    EXPECT_FALSE(lock.locked());
}

// When it goes, who waits learns it, and its timers go too.
TEST_F(WaitingLock, itsEndEndsTheWait) {
    Clock clock;
    linkTo("1");
    std::optional<DeferredFilesystemLock> lock(std::in_place, path(), clock);
    Wait wait(lock->deferUntilLocked(10s));
    lock.reset();
    EXPECT_THAT(wait.words, HasSubstr("marline::DeferredLost"));
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A name that ends with a slash is refused: no link can be made there, though one may be there.
TEST_F(FilesystemLockTest, aNameThatEndsWithASlashIsRefused) {
    linkTo("999999");
    EXPECT_THROW(FilesystemLock(path() + "/"), std::invalid_argument);
    EXPECT_THROW(FilesystemLock(""), std::invalid_argument);
    EXPECT_THROW(isLocked(path() + "/"), std::invalid_argument);
}

// Asking whether a lock is held takes it from a process that has died.
TEST_F(FilesystemLockTest, askingRemovesTheLockOfADeadProcess) {
    linkTo(deadProcess());
    EXPECT_FALSE(isLocked(path()));
    EXPECT_FALSE(fs::is_symlink(path()));
}

// What hears of the end of a lock finds it whole, and cannot wait for it again.
TEST_F(WaitingLock, askedAgainWhileItGoesRefuses) {
    FilesystemLock holder(path());
    EXPECT_TRUE(holder.lock());
    Clock clock;
    std::vector<std::string> ends;
    {
        DeferredFilesystemLock lock(path(), clock);
        lock.deferUntilLocked()
            .addErrback([&](const marline::Failure& why) {
                ends.push_back(why.typeName());
                return lock.deferUntilLocked();
            })
            .addErrback([&](const marline::Failure& why) { ends.push_back(why.typeName()); });
    }
    EXPECT_THAT(ends, testing::ElementsAre("marline::DeferredLost", "std::logic_error"));
    EXPECT_EQ(clock.getDelayedCalls().size(), 0U);
}

}  // namespace
