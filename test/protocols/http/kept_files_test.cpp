// What File keeps in memory, and that it never serves what is not there any more.
#include <marline/protocols/http/file.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "kept_files.hpp"

namespace marline::http {
namespace {

namespace fs = std::filesystem;

class KeptFiles : public test::KeptFilesTest {
protected:
    /// Asks twice; the second answer must be the same, and from memory.
    std::string warm(const Ref<File>& file, const std::string& path,
                     const std::string& fields = "") {
        const std::string first = get(file, path, fields);
        const FileCacheCounts before = file->cacheCounts();
        EXPECT_EQ(get(file, path, fields), first);
        EXPECT_EQ(file->cacheCounts().hits, before.hits + 1) << path;
        EXPECT_EQ(file->cacheCounts().misses, before.misses) << path;
        return first;
    }
};

// The second time a file is asked for it is not opened.
TEST_F(KeptFiles, smallFilesAreKept) {
    folder.write("a.txt", "content");
    const auto file = makeRef<File>(folder.path(), atOnce());
    EXPECT_EQ(bodyOf(warm(file, "/a.txt")), "content");
    const FileCacheCounts counts = file->cacheCounts();
    EXPECT_EQ(counts.files, 1U);
    EXPECT_GE(counts.bytes, std::string("content").size());
    EXPECT_EQ(counts.hits, 1U);
    EXPECT_EQ(counts.misses, 1U);
}

// FileOptions::cacheAfter: 3 s unless set, so what was just written is read each time. Within one
// tick of the clock a second change could look like the first.
TEST_F(KeptFiles, newFilesAreNotKept) {
    const auto file = makeRef<File>(folder.path());
    for (const char* text : {"1", "2", "3"}) {
        write("a", text, 1000);
        EXPECT_EQ(bodyOf(get(file, "/a")), text) << "same size, same time";
    }
    EXPECT_EQ(file->cacheCounts().files, 0U);
    EXPECT_EQ(file->cacheCounts().misses, 3U);
    FileOptions options = atOnce();
    options.cacheAfter = std::chrono::hours(24 * 365 * 100);
    const auto never = makeRef<File>(folder.path(), options);
    get(never, "/a");
    EXPECT_EQ(never->cacheCounts().files, 0U);
}

// A file of the future is not kept: nobody knows when it will have changed.
TEST_F(KeptFiles, filesOfTheFutureAreNotKept) {
    write("a", "x", 7'258'118'400);
    const auto file = makeRef<File>(folder.path(), atOnce());
    get(file, "/a");
    EXPECT_EQ(file->cacheCounts().files, 0U);
}

// FileOptions::cacheBytes: 0 keeps nothing, and little room keeps what was asked for last.
TEST_F(KeptFiles, boundsTheBytes) {
    folder.write("a", std::string(1000, 'a'));
    folder.write("b", std::string(1000, 'b'));
    FileOptions options = atOnce();
    options.cacheBytes = 0;
    const auto none = makeRef<File>(folder.path(), options);
    get(none, "/a");
    get(none, "/a");
    EXPECT_EQ(none->cacheCounts().misses, 2U);
    EXPECT_EQ(none->cacheCounts().bytes, 0U);
    options.cacheBytes = 2000;
    const auto one = makeRef<File>(folder.path(), options);
    warm(one, "/a");
    warm(one, "/b");
    EXPECT_EQ(one->cacheCounts().files, 1U);
    EXPECT_LE(one->cacheCounts().bytes, 2000U);
    get(one, "/a");
    EXPECT_EQ(one->cacheCounts().misses, 3U) << "it had to go";
    EXPECT_EQ(FileOptions().cacheBytes, 16U << 20);
}

// FileOptions::maxCachedFile, and 32 KiB for what goes as it is: larger ones are sent as ever.
TEST_F(KeptFiles, boundsTheSizeOfAFile) {
    folder.write("fits", std::string(100, 'x'));
    folder.write("not", std::string(101, 'x'));
    FileOptions options = atOnce();
    options.maxCachedFile = 100;
    const auto small = makeRef<File>(folder.path(), options);
    warm(small, "/fits");
    get(small, "/not");
    EXPECT_EQ(small->cacheCounts().files, 1U);
    options.maxCachedFile = 0;
    const auto off = makeRef<File>(folder.path(), options);
    folder.write("empty", "");
    get(off, "/empty");
    EXPECT_EQ(off->cacheCounts().files, 0U);
    folder.write("fits", std::string(32 * 1024, 'x'));
    folder.write("not", std::string(32 * 1024 + 1, 'x'));
    const auto usual = makeRef<File>(folder.path(), atOnce());
    warm(usual, "/fits");
    EXPECT_EQ(bodyOf(get(usual, "/not")).size(), 32U * 1024 + 1);
    EXPECT_EQ(usual->cacheCounts().files, 1U);
}

// HEAD, conditions and an index come from memory; ranges come from the file.
TEST_F(KeptFiles, answersAsTheFileWould) {
    write("index.html", "0123456789", 1000);
    const auto file = makeRef<File>(folder.path(), atOnce());
    const std::string whole = warm(file, "/");
    EXPECT_EQ(warm(file, "/index.html"), whole) << "it is the same file";
    const std::size_t tag = whole.find("ETag: ") + 6;
    const std::string etag = whole.substr(tag, whole.find('\r', tag) - tag);
    EXPECT_EQ(codeOf(warm(file, "/", "If-None-Match: " + etag + "\r\n")), "304");
    EXPECT_EQ(codeOf(warm(file, "/", "If-Match: \"x\"\r\n")), "412");
    const std::uint64_t hits = file->cacheCounts().hits;
    EXPECT_EQ(ask(file, "HEAD /"), whole.substr(0, whole.size() - 10));
    EXPECT_EQ(file->cacheCounts().hits, hits + 1);
    EXPECT_EQ(bodyOf(get(file, "/", "Range: bytes=2-3\r\n")), "23");
    EXPECT_EQ(file->cacheCounts().hits, hits + 1);
    const auto one = makeRef<File>(folder / "index.html", atOnce());
    EXPECT_EQ(bodyOf(warm(one, "/")), "0123456789");
}

// Whatever way a file is changed, the next answer is of the new one.
TEST_F(KeptFiles, changedFilesAreReadAgain) {
    const auto file = makeRef<File>(folder.path(), atOnce());
    write("a", "first", 1000);
    EXPECT_EQ(bodyOf(warm(file, "/a")), "first");
    tick(folder);
    write("a", "again", 1000);
    EXPECT_EQ(bodyOf(warm(file, "/a")), "again") << "its size and time are the same";
    write("a", "longer than before", 1000);
    EXPECT_EQ(bodyOf(warm(file, "/a")), "longer than before");
    fs::resize_file(folder / "a", 6);
    EXPECT_EQ(bodyOf(warm(file, "/a")), "longer") << "truncated";
    write("b", "others", 1000);
    fs::rename(folder / "b", folder / "a");
    EXPECT_EQ(bodyOf(warm(file, "/a")), "others") << "replaced by one of the same size and time";
    fs::remove(folder / "a");
    EXPECT_EQ(codeOf(get(file, "/a")), "404");
    EXPECT_EQ(file->cacheCounts().files, 0U) << "what is gone takes no room";
    fs::create_directories(folder / "a");
    EXPECT_EQ(codeOf(get(file, "/a")), "301");
}

// A file that may not be read any more is not served from memory.
TEST_F(KeptFiles, forbiddenFilesAreNotServed) {
    const bool root = ::geteuid() == 0;
    if (root) {
        ASSERT_EQ(::seteuid(65534), 0);
    }
    {
        const marline::test::TempFolder own;
        fs::create_directories(own / "sub");
        own.write("sub/a", "x");
        const auto file = makeRef<File>(own.path(), atOnce());
        EXPECT_EQ(bodyOf(warm(file, "/sub/a")), "x");
        tick(own);
        ASSERT_EQ(::chmod((own / "sub/a").c_str(), 0), 0);
        EXPECT_EQ(codeOf(get(file, "/sub/a")), "403");
        ASSERT_EQ(::chmod((own / "sub/a").c_str(), 0600), 0);
        EXPECT_EQ(bodyOf(warm(file, "/sub/a")), "x");
        ASSERT_EQ(::chmod((own / "sub").c_str(), 0), 0);
        EXPECT_EQ(codeOf(get(file, "/sub/a")), "403") << "nor what is in a closed folder";
        ASSERT_EQ(::chmod((own / "sub").c_str(), 0700), 0);
    }
    if (root) {
        ASSERT_EQ(::seteuid(0), 0);
    }
}

// Z-16: a link, or a folder, that leads out from now on leads to nothing.
TEST_F(KeptFiles, linksThatLeadOutAreNotFollowed) {
    fs::create_directories(folder / "root/sub");
    fs::create_directories(folder / "out");
    folder.write("root/a", "inside");
    folder.write("root/sub/a", "inside");
    folder.write("out/a", "secret");
    fs::create_symlink("a", folder / "root/link");
    const auto file = makeRef<File>(folder / "root", atOnce());
    EXPECT_EQ(bodyOf(warm(file, "/link")), "inside");
    fs::remove(folder / "root/link");
    fs::create_symlink("../out/a", folder / "root/link");
    EXPECT_EQ(codeOf(get(file, "/link")), "404");
    EXPECT_EQ(bodyOf(warm(file, "/sub/a")), "inside");
    fs::rename(folder / "root/sub", folder / "root/other");
    EXPECT_EQ(codeOf(get(file, "/sub/a")), "404");
    EXPECT_EQ(bodyOf(warm(file, "/other/a")), "inside");
    fs::create_symlink("../out", folder / "root/sub");
    EXPECT_EQ(codeOf(get(file, "/sub/a")), "404");
    fs::remove(folder / "root/link");
    fs::create_symlink("other/a", folder / "root/link");
    EXPECT_EQ(bodyOf(warm(file, "/link")), "inside");
}

// An index that comes goes before the one that is kept, and one that goes leaves the next.
TEST_F(KeptFiles, theFirstIndexThatIsThereIsServed) {
    const auto file = makeRef<File>(folder.path(), atOnce());
    folder.write("index.htm", "htm");
    EXPECT_EQ(bodyOf(warm(file, "/")), "htm");
    folder.write("index.html", "html");
    EXPECT_EQ(bodyOf(warm(file, "/")), "html");
    fs::remove(folder / "index.html");
    EXPECT_EQ(bodyOf(warm(file, "/")), "htm");
    fs::create_directories(folder / "index.html");
    EXPECT_EQ(bodyOf(get(file, "/")), "htm") << "a folder is no index";
    fs::remove(folder / "index.htm");
    EXPECT_NE(get(file, "/").find("<h1>/</h1>"), std::string::npos);
}

// Siblings are kept with their file, and what becomes of them is seen at once.
TEST_F(KeptFiles, siblingsAreKept) {
    FileOptions options = atOnce();
    options.precompressed = true;
    const auto file = makeRef<File>(folder.path(), options);
    const std::string both = "Accept-Encoding: gzip, br\r\n";
    write("a.css", "plain", 1000);
    write("a.css.gz", "gzipped", 1000);
    EXPECT_EQ(bodyOf(warm(file, "/a.css", both)), "gzipped");
    EXPECT_EQ(bodyOf(warm(file, "/a.css")), "plain");
    write("a.css.br", "brotli", 1000);
    const std::string answer = warm(file, "/a.css", both);
    EXPECT_EQ(bodyOf(answer), "brotli");
    EXPECT_TRUE(has(answer, "Content-Type: text/css; charset=utf-8")) << answer;
    EXPECT_TRUE(has(answer, "Content-Encoding: br")) << answer;
    const std::uint64_t hits = file->cacheCounts().hits;
    EXPECT_EQ(ask(file, "HEAD /a.css", both), answer.substr(0, answer.size() - 6));
    EXPECT_EQ(file->cacheCounts().hits, hits + 1);
    EXPECT_EQ(bodyOf(warm(file, "/a.css", "Accept-Encoding: br;q=0.5, gzip\r\n")), "gzipped");
    setTime("a.css.br", 999);
    EXPECT_EQ(bodyOf(warm(file, "/a.css", both)), "gzipped") << "it is of an older one";
    setTime("a.css", 1001);
    EXPECT_EQ(bodyOf(warm(file, "/a.css", both)), "plain");
    setTime("a.css.gz", 1001);
    EXPECT_EQ(bodyOf(warm(file, "/a.css", both)), "gzipped");
    fs::remove(folder / "a.css.gz");
    EXPECT_EQ(bodyOf(warm(file, "/a.css", both)), "plain");
    fs::create_directories(folder / "a.css.gz");
    setTime("a.css.gz", 1001);
    EXPECT_EQ(bodyOf(warm(file, "/a.css", both)), "plain") << "a folder is no sibling";
    fs::remove(folder / "a.css");
    EXPECT_EQ(codeOf(get(file, "/a.css", both)), "404");
}

// Z-16: a sibling that leads out, or that cannot be read, is none.
TEST_F(KeptFiles, siblingsMustBeInside) {
    fs::create_directories(folder / "root");
    write("root/a", "plain", 1000);
    write("secret", "secret", 1000);
    FileOptions options = atOnce();
    options.precompressed = true;
    const auto file = makeRef<File>(folder / "root", options);
    const std::string gzip = "Accept-Encoding: gzip\r\n";
    EXPECT_EQ(bodyOf(warm(file, "/a", gzip)), "plain");
    fs::create_symlink("../secret", folder / "root/a.gz");
    EXPECT_EQ(bodyOf(get(file, "/a", gzip)), "plain");
    EXPECT_EQ(bodyOf(get(file, "/a", gzip)), "plain");
    fs::remove(folder / "root/a.gz");
    fs::create_symlink("a.gz", folder / "root/a.gz");
    EXPECT_EQ(bodyOf(get(file, "/a", gzip)), "plain") << "a link to itself";
}

}  // namespace
}  // namespace marline::http
