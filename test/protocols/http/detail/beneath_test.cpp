// Opening files below a folder: what leads out does not open.
#include <marline/protocols/http/detail/beneath.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "test/support/temp_folder.hpp"

namespace marline::http::detail {
namespace {

class BeneathTest : public ::testing::Test {
protected:
    BeneathTest() {
        outer_.write("secret", "secret");
        std::filesystem::create_directories(outer_ / "root/sub/deep");
        outer_.write("root/sub/file", "content");
        root_ = UniqueFd(::open((outer_ / "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }

    void link(const std::string& name, const std::string& target) {
        std::filesystem::create_symlink(target, outer_ / ("root/" + name));
    }
    bool opens(const std::string& path) const { return bool(openBeneath(root_.get(), path)); }
    bool opensWithoutLinks(const std::string& path) const {
        return bool(openWithoutLinks(root_.get(), path));
    }

    marline::test::TempFolder outer_;
    UniqueFd root_;
};

// What is in the folder opens, in both ways.
TEST_F(BeneathTest, opensWhatIsThere) {
    for (const char* path : {".", "sub", "sub/file", "sub/deep"}) {
        EXPECT_TRUE(opens(path)) << path;
        EXPECT_TRUE(opensWithoutLinks(path)) << path;
    }
    EXPECT_FALSE(opens("sub/none"));
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(opensWithoutLinks("none/file"));
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(opensWithoutLinks("sub/file/x"));
    EXPECT_EQ(errno, ENOTDIR);
}

// Z-16: no way leads out: not up, not by a full path, not by a link.
TEST_F(BeneathTest, nothingLeadsOut) {
    link("up", "../secret");
    link("full", outer_ / "secret");
    link("sub/out", "../..");
    for (const char* path : {"../secret", "sub/../../secret", "up", "full", "sub/out/secret"}) {
        EXPECT_FALSE(opens(path)) << path;
        EXPECT_EQ(errno, EXDEV) << path;
        EXPECT_FALSE(opensWithoutLinks(path)) << path;
    }
    EXPECT_FALSE(opens(outer_ / "secret"));
}

// A link within the folder is followed, where the system can tell.
TEST_F(BeneathTest, linksMayStayInside) {
    link("in", "sub/file");
    link("sub/back", "../sub/file");
    EXPECT_TRUE(opens("in"));
    EXPECT_TRUE(opens("sub/back"));
    EXPECT_FALSE(opensWithoutLinks("in"));
    EXPECT_FALSE(opensWithoutLinks("sub/back"));
}

// A FIFO without another end is not waited for.
TEST_F(BeneathTest, doesNotWaitForAFifo) {
    ASSERT_EQ(::mkfifo((outer_ / "root/fifo").c_str(), 0600), 0);
    EXPECT_TRUE(opens("fifo"));
    EXPECT_TRUE(opensWithoutLinks("fifo"));
}

// Z-16: a segment that is no name of a file, or no UTF-8, makes no path.
TEST_F(BeneathTest, segmentsAreNames) {
    const auto joined = [](const std::vector<std::string>& segments, bool hidden = false) {
        std::string path;
        return joinSegments(segments, hidden, path) ? path : "refused";
    };
    EXPECT_EQ(joined({"a", "b c", "ü€😀"}), "a/b c/ü€😀");
    EXPECT_EQ(joined({}), "");
    for (const std::string& bad :
         {std::string(""), std::string("."), std::string(".."), std::string("a/b"),
          std::string("a\0b", 3), std::string("\xff"), std::string("\xc0\xaf"),
          std::string("\xe0\x80\xaf"), std::string("\xed\xa0\x80"), std::string("\xf4\x90\x80\x80"),
          std::string("\xe2\x82"), std::string("\xf0\x8f\xbf\xbf"), std::string("\x80")}) {
        EXPECT_EQ(joined({"a", bad}), "refused") << bad;
        EXPECT_EQ(joined({bad, "a"}, true), "refused") << bad;
    }
    EXPECT_EQ(joined({".git", "config"}), "refused");
    EXPECT_EQ(joined({".git", "config"}, true), ".git/config");
    EXPECT_EQ(joined({".well-known", "x"}), ".well-known/x");
}

}  // namespace
}  // namespace marline::http::detail
