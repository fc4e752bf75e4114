// Inotify, on real files.
#include <marline/reactor/inotify.hpp>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/reactor/process/faults.hpp"
#include "test/support/reactor_fixture.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::testing {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class InotifyTest : public ReactorFixture {
protected:
    /// A callback that notes what happened as `path change`, relative to the directory.
    Inotify::Callback noting() {
        return [this](const FileEvent& event) {
            events_.push_back(event);
            lines_.push_back(nameOf(event.path) + " " + changeOf(event.what) +
                             (event.directory ? "/" : ""));
        };
    }
    std::string nameOf(const std::string& path) const {
        return path == directory_.path() ? "." : path.substr(directory_.path().size() + 1);
    }
    static std::string changeOf(FileChange what) {
        switch (what) {
        case FileChange::Modified: return "modified";
        case FileChange::Attributes: return "attributes";
        case FileChange::ClosedWritten: return "written";
        case FileChange::MovedFrom: return "from";
        case FileChange::MovedTo: return "to";
        case FileChange::Created: return "created";
        case FileChange::Deleted: return "deleted";
        case FileChange::DeletedSelf: return "self-deleted";
        case FileChange::MovedSelf: return "self-moved";
        case FileChange::Overflow: return "overflow";
        case FileChange::WatchEnded: return "ended";
        default: return std::to_string(static_cast<std::uint32_t>(what));
        }
    }
    /// All that has happened by now: the kernel tells in order, so it ends with the mark.
    std::vector<std::string> happened() {
        Inotify marks(reactor());
        bool marked = false;
        const TempFolder place;
        marks.watch(place.path(), FileChange::Created, [&](const FileEvent&) { marked = true; });
        touch(place / "mark");
        runUntil([&] { return marked; });
        turn(2);
        return std::exchange(lines_, {});
    }
    static void touch(const std::string& path) { std::ofstream(path).close(); }
    static void put(const std::string& path, const std::string& text) {
        std::ofstream(path, std::ios::app) << text;
    }
    std::string at(const std::string& name) const { return directory_ / name; }
    std::string root() const { return directory_.path(); }
    std::vector<FileEvent>& events() { return events_; }

private:
    FaultsEnd faultsEnd_;
    TempFolder directory_;
    std::vector<FileEvent> events_;
    std::vector<std::string> lines_;
};

constexpr FileChange kList =
    FileChange::Created | FileChange::Deleted | FileChange::MovedFrom | FileChange::MovedTo;

// What happens in a directory is told with the path, in order, as far as it was asked for.
TEST_F(InotifyTest, aDirectorysListIsTold) {
    Inotify inotify(reactor());
    inotify.watch(root(), kList | FileChange::ClosedWritten, noting());
    put(at("one"), "text");
    fs::create_directory(at("below"));
    fs::remove(at("one"));
    touch(at("below/unseen"));
    EXPECT_THAT(happened(),
                ElementsAre("one created", "one written", "below created/", "one deleted"));
}

// A rename is two events with one cookie.
TEST_F(InotifyTest, aRenameHasOneCookie) {
    touch(at("old"));
    Inotify inotify(reactor());
    inotify.watch(root(), kList, noting());
    fs::rename(at("old"), at("new"));
    EXPECT_THAT(happened(), ElementsAre("old from", "new to"));
    ASSERT_EQ(events().size(), 2U);
    EXPECT_NE(events()[0].cookie, 0U);
    EXPECT_EQ(events()[0].cookie, events()[1].cookie);
}

// A single file is watched: its own path is told, and its deletion ends the watch.
TEST_F(InotifyTest, aFileIsWatchedUntilItIsDeleted) {
    touch(at("file"));
    Inotify inotify(reactor());
    inotify.watch(at("file"), FileChange::Changes, noting());
    EXPECT_TRUE(inotify.watching(at("file")));
    put(at("file"), "text");
    ::chmod(at("file").c_str(), 0600);
    EXPECT_THAT(happened(), ElementsAre("file modified", "file attributes"));
    fs::remove(at("file"));
    EXPECT_THAT(happened(), ElementsAre("file attributes", "file self-deleted", "file ended"));
    EXPECT_FALSE(inotify.watching(at("file")));
    EXPECT_EQ(inotify.watches(), 0U);
    EXPECT_FALSE(inotify.ignore(at("file")));
    touch(at("file"));
    EXPECT_NO_THROW(inotify.watch(at("file"), FileChange::Changes, noting()));
}

// After ignore() nothing more is told, not even what had happened before.
TEST_F(InotifyTest, ignoringEndsAWatch) {
    Inotify inotify(reactor());
    inotify.watch(root(), kList, noting());
    touch(at("one"));
    EXPECT_TRUE(inotify.ignore(root()));
    EXPECT_FALSE(inotify.ignore(root()));
    touch(at("two"));
    EXPECT_THAT(happened(), IsEmpty());
    inotify.watch(root(), kList, noting());
    touch(at("three"));
    EXPECT_THAT(happened(), ElementsAre("three created"));
}

// A callback may ignore its own path, watch another one, or destroy the Inotify.
TEST_F(InotifyTest, callbacksMayChangeTheWatches) {
    auto inotify = std::make_unique<Inotify>(reactor());
    fs::create_directory(at("second"));
    int first = 0;
    int second = 0;
    inotify->watch(root(), kList, [&](const FileEvent&) {
        ++first;
        inotify->ignore(root());
        inotify->watch(at("second"), kList, [&](const FileEvent&) {
            ++second;
            inotify.reset();
        });
    });
    touch(at("one"));
    touch(at("two"));
    happened();
    EXPECT_EQ(first, 1);
    touch(at("second/one"));
    touch(at("second/two"));
    happened();
    EXPECT_EQ(second, 1);
    EXPECT_EQ(inotify, nullptr);
}

// What a callback throws is logged, and the next event is told.
TEST_F(InotifyTest, aThrowingCallbackIsLogged) {
    Inotify inotify(reactor());
    int calls = 0;
    inotify.watch(root(), kList, [&](const FileEvent&) {
        ++calls;
        throw std::runtime_error("callback badly");
    });
    touch(at("one"));
    touch(at("two"));
    happened();
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(logged().count("callback badly"), 2U);
    logged().clear();
}

// Recursive: what is below, however deep, is watched; links to directories are not followed.
TEST_F(InotifyTest, recursiveWatchesWhatIsBelow) {
    fs::create_directories(at("a/b/c"));
    fs::create_directory(at("d"));
    const TempFolder elsewhere;
    fs::create_directory_symlink(elsewhere.path(), at("link"));
    Inotify inotify(reactor());
    inotify.watch(root(), kList, noting(), {.recursive = true});
    EXPECT_EQ(inotify.watches(), 5U);
    EXPECT_TRUE(inotify.watching(at("a/b/c")));
    EXPECT_FALSE(inotify.watching(at("link")));
    touch(at("a/b/c/deep"));
    touch(at("d/flat"));
    touch(elsewhere / "unseen");
    EXPECT_THAT(happened(), ElementsAre("a/b/c/deep created", "d/flat created"));
    EXPECT_FALSE(inotify.ignore(at("a"))) << "it is a part of a watch";
    EXPECT_TRUE(inotify.ignore(root()));
    EXPECT_EQ(inotify.watches(), 0U);
    touch(at("d/unseen"));
    EXPECT_THAT(happened(), IsEmpty());
}

// Recursive: a directory that comes is watched, and what is in it by then is told.
TEST_F(InotifyTest, recursiveTellsWhatCameWithADirectory) {
    Inotify inotify(reactor());
    inotify.watch(root(), kList, noting(), {.recursive = true});
    fs::create_directories(at("new/below"));
    touch(at("new/file"));
    touch(at("new/below/deep"));
    std::vector<std::string> lines = happened();
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.front(), "new created/");
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    EXPECT_THAT(lines, ElementsAre("new created/", "new/below created/", "new/below/deep created",
                                   "new/file created"));
    touch(at("new/below/later"));
    EXPECT_THAT(happened(), ElementsAre("new/below/later created"));
    EXPECT_EQ(inotify.watches(), 3U);
}

// Recursive: a directory that is moved away is no longer watched, one that is moved in is, and
// one that is renamed is told by its new name.
TEST_F(InotifyTest, recursiveFollowsMoves) {
    const TempFolder outside;
    fs::create_directories(at("a/b"));
    Inotify inotify(reactor());
    inotify.watch(root(), kList, noting(), {.recursive = true});
    fs::rename(at("a"), at("z"));
    EXPECT_THAT(happened(), ElementsAre("a from/", "z to/", "z/b created/"));
    touch(at("z/b/file"));
    EXPECT_THAT(happened(), ElementsAre("z/b/file created"));
    fs::rename(at("z"), outside / "z");
    EXPECT_THAT(happened(), ElementsAre("z from/"));
    EXPECT_EQ(inotify.watches(), 1U);
    touch(outside / "z/b/unseen");
    EXPECT_THAT(happened(), IsEmpty());
    fs::rename(outside / "z", at("back"));
    EXPECT_THAT(happened(), UnorderedElementsAre("back to/", "back/b created/",
                                                 "back/b/file created", "back/b/unseen created"));
    EXPECT_EQ(inotify.watches(), 3U);
}

// Recursive: a directory that is deleted is told once, by its parent, and made again it is watched.
TEST_F(InotifyTest, recursiveForgetsWhatIsDeleted) {
    fs::create_directories(at("a/b"));
    Inotify inotify(reactor());
    inotify.watch(root(), FileChange::Changes, noting(), {.recursive = true});
    fs::remove_all(at("a"));
    EXPECT_THAT(happened(), ElementsAre("a/b deleted/", "a deleted/"));
    EXPECT_EQ(inotify.watches(), 1U);
    for (int i = 0; i < 3; ++i) {
        fs::create_directory(at("a"));
        fs::remove(at("a"));
    }
    fs::create_directory(at("a"));
    happened();
    touch(at("a/file"));
    EXPECT_THAT(happened(), ::testing::Contains("a/file created"));
    EXPECT_EQ(inotify.watches(), 2U);
}

// A directory that takes the place of an empty one is the one that is watched.
TEST_F(InotifyTest, recursiveWatchesWhatTookAPlace) {
    const TempFolder outside;
    fs::create_directory(at("a"));
    fs::create_directory(outside / "full");
    touch(outside / "full/file");
    Inotify inotify(reactor());
    inotify.watch(root(), kList, noting(), {.recursive = true});
    fs::rename(outside / "full", at("a"));
    EXPECT_THAT(happened(), ElementsAre("a to/", "a/file created"));
    touch(at("a/more"));
    EXPECT_THAT(happened(), ElementsAre("a/more created"));
}

// Only what was asked for is told, though a recursive watch must know more.
TEST_F(InotifyTest, recursiveKeepsToTheMask) {
    Inotify inotify(reactor());
    inotify.watch(root(), FileChange::ClosedWritten, noting(), {.recursive = true});
    fs::create_directory(at("a"));
    EXPECT_THAT(happened(), IsEmpty());
    touch(at("a/file"));
    EXPECT_THAT(happened(), ElementsAre("a/file written"));
}

// More events than the system keeps: Overflow is told for each watch, and a recursive one has all
// directories again afterwards.
TEST_F(InotifyTest, anOverflowIsTold) {
    std::size_t limit = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
    ASSERT_GT(limit, 0U);
    fs::create_directory(at("old"));
    touch(at("one"));
    touch(at("two"));
    Inotify inotify(reactor());
    int flat = 0;
    const TempFolder other;
    inotify.watch(other.path(), kList,
                  [&](const FileEvent& event) { flat += event.what & FileChange::Overflow; });
    inotify.watch(root(), FileChange::Attributes, noting(), {.recursive = true});
    // In turns, as equal events in a row are one.
    for (std::size_t i = 0; i <= limit / 2; ++i) {
        ::chmod(at("one").c_str(), 0600);
        ::chmod(at("two").c_str(), 0600);
    }
    fs::create_directories(at("old/missed/below"));
    std::vector<std::string> lines;
    runUntil([&] {
        const std::vector<std::string> some = happened();
        lines.insert(lines.end(), some.begin(), some.end());
        return flat > 0;
    });
    EXPECT_EQ(std::count(lines.begin(), lines.end(), ". overflow"), 1);
    EXPECT_EQ(flat, 1);
    EXPECT_TRUE(inotify.watching(at("old/missed/below")));
}

// What is not there cannot be watched, and is named.
TEST_F(InotifyTest, aMissingPathThrows) {
    Inotify inotify(reactor());
    try {
        inotify.watch("/no/such/file", kList, noting());
        ADD_FAILURE() << "nothing thrown";
    } catch (const InotifyError& error) {
        EXPECT_EQ(error.code().value(), ENOENT);
        EXPECT_STREQ(error.what(), "cannot watch /no/such/file: No such file or directory");
    }
    EXPECT_EQ(inotify.watches(), 0U);
}

// A path is watched once by one Inotify, under whatever name, and so is what is below.
TEST_F(InotifyTest, watchingTwiceThrows) {
    fs::create_directories(at("a/b"));
    fs::create_directory_symlink(at("a"), at("link"));
    Inotify inotify(reactor());
    inotify.watch(at("a/b"), kList, noting());
    EXPECT_THROW(inotify.watch(at("a/b"), kList, noting()), std::invalid_argument);
    EXPECT_THROW(inotify.watch(at("link/b"), kList, noting()), std::invalid_argument);
    EXPECT_THROW(inotify.watch(at("a"), kList, noting(), {.recursive = true}),
                 std::invalid_argument);
    EXPECT_THROW(inotify.watch(at("a"), kList, {}), std::invalid_argument);
    EXPECT_EQ(inotify.watches(), 1U);
    touch(at("a/b/file"));
    EXPECT_THAT(happened(), ElementsAre("a/b/file created"));
    Inotify another(reactor());
    EXPECT_NO_THROW(another.watch(at("a/b"), kList, noting()));
}

// The limits of the system are named with their knobs; a watch that failed half-way is undone.
TEST_F(InotifyTest, theSystemsLimitsAreNamed) {
    fs::create_directories(at("a/b"));
    Inotify inotify(reactor());
    faults().inotifyAddError = ENOSPC;
    faults().inotifyAddSucceeds = 2;
    try {
        inotify.watch(root(), kList, noting(), {.recursive = true});
        ADD_FAILURE() << "nothing thrown";
    } catch (const InotifyError& error) {
        EXPECT_EQ(error.code().value(), ENOSPC);
        EXPECT_THAT(error.what(), HasSubstr("a/b (raise fs.inotify.max_user_watches)"));
    }
    EXPECT_EQ(inotify.watches(), 0U);
    faults().inotifyInitError = EMFILE;
    try {
        const Inotify another(reactor());
        ADD_FAILURE() << "nothing thrown";
    } catch (const InotifyError& error) {
        EXPECT_THAT(error.what(), HasSubstr("fs.inotify.max_user_instances"));
    }
    faults().inotifyInitError = ENOMEM;
    EXPECT_THROW(const Inotify third(reactor()), InotifyError);
}

// A limit that is reached later, by a directory that came, is logged and told as an Overflow.
TEST_F(InotifyTest, aLimitReachedLaterLosesEvents) {
    Inotify inotify(reactor());
    inotify.watch(root(), FileChange::Created, noting(), {.recursive = true});
    fs::create_directory(at("a"));
    faults().inotifyAddError = ENOSPC;
    runUntil([&] { return events().size() == 2; });
    faults() = {};
    EXPECT_THAT(happened(), ElementsAre("a overflow/", "a created/"));
    EXPECT_EQ(logged().count("fs.inotify.max_user_watches"), 1U);
    logged().clear();
}

// A directory below that may not be read is logged and left out; one that vanished is not missed.
TEST_F(InotifyTest, whatMayNotBeReadIsLeftOut) {
    fs::create_directory(at("a"));
    Inotify inotify(reactor());
    for (const int error : {EACCES, ENOENT}) {
        faults().inotifyAddError = error;
        faults().inotifyAddSucceeds = 1;
        inotify.watch(root(), kList, noting(), {.recursive = true});
        faults() = {};
        EXPECT_EQ(inotify.watches(), 1U);
        EXPECT_EQ(logged().count("a: Permission denied"), error == EACCES ? 1U : 0U);
        logged().clear();
        inotify.ignore(root());
    }
}

// The end of the reactor's run ends every watch; the Inotify says so.
TEST_F(InotifyTest, theReactorsEndEndsIt) {
    Inotify inotify(reactor());
    inotify.watch(root(), kList, noting());
    reactor().callWhenRunning([this] { reactor().stop(); });
    run();
    EXPECT_EQ(inotify.watches(), 0U);
    EXPECT_FALSE(inotify.watching(root()));
    EXPECT_FALSE(inotify.ignore(root()));
    EXPECT_THROW(inotify.watch(root(), kList, noting()), InotifyError);
}

}  // namespace
}  // namespace marline::testing
