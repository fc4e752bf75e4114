// FileCache: what is kept, for how long, and what goes.
#include <marline/protocols/http/detail/file_cache.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace marline::http::detail {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kNow = 1'700'000'000s;

/// A version that differs from others in its inode.
FileVersion version(std::uint64_t inode) {
    return {.device = 1, .inode = inode, .size = 10, .changed = kNow - 1h, .touched = kNow - 1h};
}

FileForm form(std::string_view text, std::string_view coding = "", int effort = 0) {
    return {.coding = std::string(coding),
            .effort = effort,
            .version = version(1),
            .bytes = makeRef<KeptBytes>(std::string(text))};
}

/// What is kept as that form; `none` when nothing is.
std::string kept(FileCache& cache, std::string_view path, std::string_view coding = "",
                 int effort = 0) {
    const FileCache::Entry* entry = cache.find(path);
    const FileForm* found = entry != nullptr ? entry->find(coding, effort) : nullptr;
    return found != nullptr ? std::string(found->bytes->view()) : "none";
}

constexpr std::size_t costOf(std::string_view path, std::size_t bytes) {
    return FileCache::kEntryCost + 2 * path.size() + bytes;
}

// A file's forms are told apart by their coding and its effort, and a new one replaces the old.
TEST(FileCache, keepsFormsOfAFile) {
    FileCache cache(10'000, 3s);
    cache.keep("a", version(1), "text/plain", form("plain"));
    cache.keep("a", version(1), "text/plain", form("small", "gzip", 4));
    cache.keep("a", version(1), "text/plain", form("smaller", "gzip", 9));
    cache.keep("a", version(1), "text/plain", form("sibling", "gzip"));
    EXPECT_EQ(kept(cache, "a"), "plain");
    EXPECT_EQ(kept(cache, "a", "gzip", 4), "small");
    EXPECT_EQ(kept(cache, "a", "gzip", 9), "smaller");
    EXPECT_EQ(kept(cache, "a", "gzip"), "sibling");
    EXPECT_EQ(kept(cache, "a", "br", 4), "none");
    EXPECT_EQ(kept(cache, "b"), "none");
    EXPECT_EQ(cache.find("a")->type, "text/plain");
    cache.keep("a", version(1), "text/plain", form("x"));
    EXPECT_EQ(kept(cache, "a"), "x");
    EXPECT_EQ(cache.files(), 1U);
    EXPECT_EQ(cache.bytes(), costOf("a", 1 + 5 + 7 + 7));
}

// Another version of a file leaves nothing of the one before.
TEST(FileCache, forgetsOtherVersions) {
    FileCache cache(10'000, 3s);
    cache.keep("a", version(1), "t/t", form("plain"));
    cache.keep("a", version(1), "t/t", form("small", "gzip", 4));
    cache.keep("a", version(2), "t/u", form("new"));
    EXPECT_EQ(kept(cache, "a"), "new");
    EXPECT_EQ(kept(cache, "a", "gzip", 4), "none");
    EXPECT_EQ(cache.find("a")->type, "t/u");
    EXPECT_EQ(cache.bytes(), costOf("a", 3));
    cache.drop("a");
    cache.drop("a");
    EXPECT_EQ(cache.find("a"), nullptr);
    EXPECT_EQ(cache.bytes(), 0U);
}

// FileOptions::cacheBytes: what was not asked for the longest goes, and counts what it takes.
TEST(FileCache, boundsItsBytes) {
    FileCache cache(2 * costOf("a", 10), 3s);
    const std::string ten(10, 'x');
    cache.keep("a", version(1), "t/t", form(ten));
    cache.keep("b", version(1), "t/t", form(ten));
    EXPECT_EQ(cache.files(), 2U) << "just what it may";
    EXPECT_EQ(kept(cache, "a"), ten);
    cache.keep("c", version(1), "t/t", form(ten));
    EXPECT_EQ(kept(cache, "b"), "none");
    EXPECT_EQ(kept(cache, "a"), ten);
    cache.keep("c", version(1), "t/t", form("1", "br", 4));
    EXPECT_EQ(kept(cache, "a"), "none") << "one byte more";
    EXPECT_EQ(kept(cache, "c"), ten);
    EXPECT_EQ(cache.bytes(), costOf("c", 11));
}

// What alone would be more than all may be is not kept, and nothing goes for it.
TEST(FileCache, keepsNothingThatIsTooLarge) {
    FileCache cache(costOf("a", 10), 3s);
    cache.keep("a", version(1), "t/t", form("x"));
    cache.keep("b", version(1), "t/t", form(std::string(11, 'x')));
    EXPECT_EQ(kept(cache, "a"), "x");
    EXPECT_EQ(kept(cache, "b"), "none");
    cache.keep("b", version(1), "t/t", form(std::string(10, 'x')));
    EXPECT_EQ(kept(cache, "b"), std::string(10, 'x'));
}

// Who sends bytes has them even when they go.
TEST(FileCache, bytesOutliveTheirEntry) {
    FileCache cache(10'000, 3s);
    cache.keep("a", version(1), "t/t", form("plain"));
    const Ref<KeptBytes> bytes = cache.find("a")->find("", 0)->bytes;
    cache.drop("a");
    EXPECT_EQ(bytes->view(), "plain");
}

// FileOptions::cacheAfter: what changed a moment ago, or will have, is not kept, whichever of the
// two times says so.
TEST(FileCache, keepsNothingThatIsTooNew) {
    const FileCache cache(10'000, 3s);
    const auto mayKeep = [&cache](std::chrono::nanoseconds changed,
                                  std::chrono::nanoseconds touched) {
        FileVersion some;
        some.changed = kNow - changed;
        some.touched = kNow - touched;
        return cache.mayKeep(some, kNow);
    };
    EXPECT_TRUE(mayKeep(3s, 3s));
    EXPECT_FALSE(mayKeep(3s - 1ns, 1h));
    EXPECT_FALSE(mayKeep(1h, 3s - 1ns)) << "the time of the content can be set back";
    EXPECT_FALSE(mayKeep(-1h, 1h)) << "of the future";
    EXPECT_FALSE(FileCache(0, 3s).mayKeep(version(1), kNow)) << "there is no room at all";
    EXPECT_TRUE(FileCache(1, 0s).mayKeep(version(1), kNow));
}

// Every part of a version tells one content from another.
TEST(FileCache, versionsDiffer) {
    const FileVersion one = version(1);
    EXPECT_EQ(one, version(1));
    FileVersion other = one;
    other.device = 2;
    EXPECT_NE(other, one);
    EXPECT_NE(version(2), one);
    other = one;
    ++other.size;
    EXPECT_NE(other, one);
    other = one;
    ++other.changed;
    EXPECT_NE(other, one);
    other = one;
    ++other.touched;
    EXPECT_NE(other, one);
}

}  // namespace
}  // namespace marline::http::detail
