// File: a folder as clients see it.
#include <marline/protocols/http/file.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server_wire.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

constexpr const char* kChanged = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr time_t kChangedAt = 784111777;
// The time of change in nanoseconds, and the size 10, both in hexadecimal.
constexpr const char* kTag = "\"ae1b981bc490a00-a\"";

/// What a File keeps in memory while a test asks it.
enum class Keeps : std::uint8_t {
    Nothing,  ///< FileOptions::cacheBytes is 0.
    Later,    ///< All, but it is asked for the first time.
    All,      ///< All, and it was asked before.
};

/// All that is said here of files is so, however they are kept.
class FileTest : public test::ServerTest, public ::testing::WithParamInterface<Keeps> {
protected:
    Ref<File> file(const std::string& path, FileOptions options = {}) {
        options.cacheBytes = GetParam() == Keeps::Nothing ? 0 : options.cacheBytes;
        options.cacheAfter = {};
        return makeRef<File>(path, std::move(options));
    }
    /// Writes a file that changed at a known time, give or take some seconds.
    void write(const std::string& name, const std::string& text, time_t by = 0) {
        folder.write(name, text);
        const timespec times[2] = {{kChangedAt + by, 0}, {kChangedAt + by, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (folder / name).c_str(), times, 0), 0);
    }

    static std::string ask(const Ref<Resource>& root, const std::string& line,
                           const std::string& fields = "") {
        if (GetParam() == Keeps::All) {
            test::wholeAnswer(root, "GET" + line.substr(line.find(' ')), "");
            test::wholeAnswer(root, line, fields);
        }
        return test::wholeAnswer(root, line, fields);
    }
    std::string get(const std::string& path, const std::string& fields = "",
                    FileOptions options = {}) {
        return ask(file(folder.path(), std::move(options)), "GET " + path, fields);
    }
    std::string code(const std::string& path, FileOptions options = {}) {
        return get(path, "", std::move(options)).substr(9, 3);
    }
    static std::string bodyOf(const std::string& answer) {
        return answer.substr(answer.find("\r\n\r\n") + 4);
    }

    marline::test::TempFolder folder;
};

std::string head(const std::string& status, const std::string& length, const std::string& more) {
    return "HTTP/1.1 " + status + "\r\nDate: D\r\n" +
           (length.empty() ? "" : "Content-Length: " + length + "\r\n") +
           "Accept-Ranges: bytes\r\nETag: " + kTag + "\r\nLast-Modified: " + kChanged + "\r\n" +
           more + "\r\n";
}

// Z-15: type by extension, length, time of change, and that ranges are served.
TEST_P(FileTest, servesAFile) {
    write("a.txt", "0123456789");
    EXPECT_EQ(get("/a.txt"),
              head("200 OK", "10", "Content-Type: text/plain; charset=utf-8\r\n") + "0123456789");
}

// Z-15: what nobody knows is of the default type (not HTML, unlike Twisted).
TEST_P(FileTest, typesAreOptions) {
    write("a", "x");
    write("b.html", "x");
    const auto typeOf = [this](const std::string& path, FileOptions options = {}) {
        const std::string answer = get(path, "", std::move(options));
        const std::size_t at = answer.find("Content-Type: ") + 14;
        return answer.substr(at, answer.find("\r\n", at) - at);
    };
    EXPECT_EQ(typeOf("/a"), "application/octet-stream");
    EXPECT_EQ(typeOf("/a", {.defaultType = "x/y"}), "x/y");
    EXPECT_EQ(typeOf("/b.html"), "text/html; charset=utf-8");
    EXPECT_EQ(typeOf("/b.html", {.charset = ""}), "text/html");
    auto types = std::make_shared<MimeTypes>();
    types->set("html", "a/b");
    EXPECT_EQ(typeOf("/b.html", {.types = types}), "a/b");
}

// Z-23: HEAD has the full length, also with a Range, and no body.
TEST_P(FileTest, headHasTheWholeLength) {
    write("a.txt", "0123456789");
    EXPECT_EQ(ask(file(folder.path()), "HEAD /a.txt", "Range: bytes=0-3\r\n"),
              head("200 OK", "10", "Content-Type: text/plain; charset=utf-8\r\n"));
}

// Z-18: one range is a 206 with its place and length.
TEST_P(FileTest, servesARange) {
    write("a.txt", "0123456789");
    EXPECT_EQ(get("/a.txt", "Range: bytes=2-4\r\n"),
              head("206 Partial Content", "3",
                   "Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 2-4/10\r\n") +
                  "234");
    EXPECT_EQ(bodyOf(get("/a.txt", "Range: bytes=-3\r\n")), "789");
    EXPECT_EQ(bodyOf(get("/a.txt", "Range: bytes=8-\r\n")), "89");
}

// Z-19: what is not there is a 416 with the size and no body.
TEST_P(FileTest, tellsTheSizeWhenARangeIsNotThere) {
    write("a.txt", "0123456789");
    EXPECT_EQ(get("/a.txt", "Range: bytes=10-\r\n"),
              head("416 Range Not Satisfiable", "0", "Content-Range: bytes */10\r\n"));
}

// Z-20: a Range that is none gives the whole file.
TEST_P(FileTest, ignoresWhatIsNoRange) {
    write("a.txt", "0123456789");
    EXPECT_EQ(get("/a.txt", "Range: lines=1-2\r\n").substr(9, 3), "200");
}

// Z-21: several ranges are parts of one body, in the order they were asked for.
TEST_P(FileTest, servesSeveralRanges) {
    write("a.txt", "0123456789");
    const std::string answer = get("/a.txt", "Range: bytes=7-8,0-2,50-\r\n");
    const std::size_t at = answer.find("boundary=") + 9;
    const std::string boundary = answer.substr(at, 32);
    const auto part = [&boundary](const std::string& range, const std::string& content) {
        return "\r\n--" + boundary +
               "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes " + range +
               "/10\r\n\r\n" + content;
    };
    const std::string body =
        part("7-8", "78") + part("0-2", "012") + "\r\n--" + boundary + "--\r\n";
    EXPECT_EQ(answer, head("206 Partial Content", std::to_string(body.size()),
                           "Content-Type: multipart/byteranges; boundary=" + boundary + "\r\n") +
                          body);
}

// One of several ranges that is there is sent by itself (RFC 9110 §15.3.7.2 allows it).
TEST_P(FileTest, oneRangeOfSeveralIsNoMultipart) {
    write("a.txt", "0123456789");
    const std::string answer = get("/a.txt", "Range: bytes=7-8,50-\r\n");
    EXPECT_NE(answer.find("Content-Range: bytes 7-8/10\r\n"), std::string::npos) << answer;
    EXPECT_EQ(bodyOf(answer), "78");
}

// FileOptions::maxRanges: who asks for more gets the whole file.
TEST_P(FileTest, boundsTheRanges) {
    write("a.txt", "0123456789");
    const std::string two = "Range: bytes=0-0,2-2\r\n";
    EXPECT_EQ(get("/a.txt", two, {.maxRanges = 2}).substr(9, 3), "206");
    EXPECT_EQ(get("/a.txt", two, {.maxRanges = 1}).substr(9, 3), "200");
}

// RFC 9110 §13.1.5: a range of another version is not served.
TEST_P(FileTest, ifRangeGuardsTheRange) {
    write("a.txt", "0123456789");
    const std::string range = "Range: bytes=0-0\r\n";
    EXPECT_EQ(get("/a.txt", range + "If-Range: " + kTag + "\r\n").substr(9, 3), "206");
    EXPECT_EQ(get("/a.txt", range + "If-Range: \"other\"\r\n").substr(9, 3), "200");
    EXPECT_EQ(get("/a.txt", range + "If-Range: " + kChanged + "\r\n").substr(9, 3), "206");
}

// Z-23: what the client has is a 304, before any range.
TEST_P(FileTest, answersConditions) {
    write("a.txt", "0123456789");
    EXPECT_EQ(get("/a.txt", std::string("Range: bytes=0-1\r\nIf-None-Match: ") + kTag + "\r\n"),
              "HTTP/1.1 304 Not Modified\r\nDate: D\r\nAccept-Ranges: bytes\r\nETag: " +
                  std::string(kTag) + "\r\n\r\n");
    EXPECT_EQ(get("/a.txt", std::string("If-Modified-Since: ") + kChanged + "\r\n"),
              head("304 Not Modified", "", ""));
    EXPECT_EQ(get("/a.txt", "If-Match: \"x\"\r\n").substr(9, 3), "412");
}

// Z-24: a large file goes out as the client takes it, in pieces of 64 KiB.
TEST_P(FileTest, streamsLargeFiles) {
    std::string text;
    for (int i = 0; text.size() < 200'000; ++i) {
        text += std::to_string(i) + ",";
    }
    folder.write("large", text);
    ServerWire wire{Ref<Resource>(file(folder.path()))};
    wire.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(bodyOf(wire.take()), text.substr(0, 65536));
    ASSERT_NE(wire.transport().producer(), nullptr);
    EXPECT_EQ(wire.transport().producing(), Producing::Pull);
    wire.transport().drain();
    EXPECT_EQ(wire.take(), text.substr(65536, 65536));
    wire.transport().drain();
    wire.transport().drain();
    EXPECT_EQ(wire.take(), text.substr(2 * 65536));
    EXPECT_TRUE(wire.exchange("GET /none HTTP/1.1\r\nHost: t\r\n\r\n").starts_with("HTTP/1.1 404"))
        << "the connection goes on";
}

/// How many descriptors this process has open.
std::size_t openDescriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        ++count;
    }
    return count;
}

// Z-24: a client that goes closes the file.
TEST_P(FileTest, closesTheFileWhenTheClientGoes) {
    folder.write("large", std::string(200'000, 'x'));
    const auto root = file(folder.path());
    const std::size_t before = openDescriptors();
    ServerWire wire{Ref<Resource>(root)};
    wire.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(openDescriptors(), before + 1);
    wire.disconnect();
    EXPECT_EQ(openDescriptors(), before);
}

// A file that is cut while it is sent cannot keep its promise: the connection is.
TEST_P(FileTest, abortsWhenTheFileIsCut) {
    folder.write("large", std::string(200'000, 'x'));
    ServerWire wire{Ref<Resource>(file(folder.path()))};
    wire.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n");
    std::filesystem::resize_file(folder / "large", 10);
    wire.transport().drain();
    EXPECT_TRUE(wire.transport().aborted());
    EXPECT_NE(errors().find("cut meanwhile"), std::string::npos) << errors();
}

// Z-16: what leads out, is no UTF-8 or is not there is a 404.
TEST_P(FileTest, nothingOutsideIsServed) {
    folder.write("secret", "secret");
    std::filesystem::create_directories(folder / "root/sub");
    std::filesystem::create_symlink("../secret", folder / "root/link");
    const auto root = file(folder / "root");
    for (const char* path :
         {"/none", "/../secret", "/%2e%2e/secret", "/..%2fsecret", "/sub/../../secret", "/link",
          "/%ff", "/sub%00", "//secret", "/sub//", "/./sub", "/%2fetc%2fpasswd"}) {
        EXPECT_EQ(ask(root, std::string("GET ") + path).substr(9, 3), "404") << path;
    }
}

// Z-16: what may not be read is a 403.
TEST_P(FileTest, whatMayNotBeReadIsForbidden) {
    if (::geteuid() == 0) {
        ASSERT_EQ(::seteuid(65534), 0);
    }
    const marline::test::TempFolder own;
    own.write("a", "x");
    ASSERT_EQ(::chmod((own / "a").c_str(), 0), 0);
    const std::string answer = ask(file(own.path()), "GET /a");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 403 Forbidden\r\n")) << answer;
    ASSERT_EQ(::chmod((own / "a").c_str(), 0600), 0);
    if (::getuid() == 0) {
        ASSERT_EQ(::seteuid(0), 0);
    }
}

// Hidden files are not there, unless they are wanted; .well-known always is.
TEST_P(FileTest, hidesDotFiles) {
    folder.write(".env", "secret");
    std::filesystem::create_directories(folder / ".well-known");
    folder.write(".well-known/x", "x");
    EXPECT_EQ(code("/.env"), "404");
    EXPECT_EQ(code("/.env", {.hidden = true}), "200");
    EXPECT_EQ(code("/.well-known/x"), "200");
    EXPECT_EQ(get("/").find(".env"), std::string::npos);
    EXPECT_NE(get("/", "", {.hidden = true}).find(".env"), std::string::npos);
}

// What is neither file nor folder is not there.
TEST_P(FileTest, servesNoSpecialFiles) {
    ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(code("/fifo"), "404");
    EXPECT_EQ(get("/").find("fifo"), std::string::npos);
}

// Z-17: a folder without its slash redirects, with the query and without another host.
TEST_P(FileTest, foldersEndWithASlash) {
    std::filesystem::create_directories(folder / "sub");
    const std::string answer = get("/sub?a=b");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 301 ")) << answer;
    EXPECT_NE(answer.find("\r\nLocation: /sub/?a=b\r\n"), std::string::npos) << answer;
    folder.write("file", "x");
    EXPECT_EQ(code("/file/"), "404");
    auto root = makeRef<Data>("", "");
    root->putChild("", file(folder.path()));
    EXPECT_NE(ask(root, "GET //sub").find("\r\nLocation: /sub/\r\n"), std::string::npos);
}

// Z-17: the first index that is there is served for a folder.
TEST_P(FileTest, servesAnIndex) {
    folder.write("index.htm", "htm");
    EXPECT_EQ(bodyOf(get("/")), "htm");
    folder.write("index.html", "html");
    EXPECT_EQ(bodyOf(get("/")), "html");
    EXPECT_EQ(bodyOf(get("/", "", {.indexNames = {"none", "index.htm"}})), "htm");
    std::filesystem::create_directories(folder / "sub/index.html");
    EXPECT_NE(get("/sub/").find("index.html/</a>"), std::string::npos) << "a folder is no index";
}

// Without an index the folder is listed, or not.
TEST_P(FileTest, listsFolders) {
    std::filesystem::create_directories(folder / "z & a");
    write("b.txt", std::string(1536, 'x'));
    write("a<b>.txt", "x");
    const std::string page = bodyOf(get("/"));
    const std::size_t dir = page.find("<a href=\"./z%20%26%20a/\">z &amp; a/</a>");
    const std::size_t first = page.find(
        "<a href=\"./a%3Cb%3E.txt\">a&lt;b&gt;.txt</a></td>"
        "<td class=\"n\">1 B</td><td class=\"n\">1994-11-06 08:49");
    const std::size_t second =
        page.find("<a href=\"./b.txt\">b.txt</a></td><td class=\"n\">1.5 KiB");
    EXPECT_LT(dir, first) << page;
    EXPECT_LT(first, second) << page;
    EXPECT_NE(second, std::string::npos) << page;
    EXPECT_EQ(page.find("../"), std::string::npos) << "there is nothing above the root";
    EXPECT_NE(page.find("<p>3 entries</p>"), std::string::npos);
    EXPECT_NE(bodyOf(get("/z%20&%20a/")).find("<h1>/z &amp; a/</h1>"), std::string::npos);
    EXPECT_EQ(code("/", {.listing = false}), "403");
}

// Z-25: broken links are not listed.
TEST_P(FileTest, listsNoBrokenLinks) {
    std::filesystem::create_symlink("nowhere", folder / "broken");
    EXPECT_EQ(get("/").find("broken"), std::string::npos);
}

// FileOptions::maxListing: a list that is too long says so.
TEST_P(FileTest, boundsTheList) {
    folder.write("a", "");
    folder.write("b", "");
    const std::string page = get("/", "", {.maxListing = 1});
    EXPECT_NE(page.find("<p>1 of 2 entries</p>"), std::string::npos) << page;
    EXPECT_EQ(page.find("./b"), std::string::npos);
}

// What is compressed already goes to who accepts it, under the type of the original.
TEST_P(FileTest, servesCompressedSiblings) {
    write("a.css", "plain");
    write("a.css.gz", "gzipped");
    write("a.css.br", "brotli");
    const FileOptions on{.precompressed = true};
    const std::string answer = get("/a.css", "Accept-Encoding: gzip, br\r\n", on);
    EXPECT_EQ(bodyOf(answer), "brotli");
    EXPECT_NE(answer.find("\r\nVary: Accept-Encoding\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nContent-Encoding: br\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\r\nContent-Type: text/css; charset=utf-8\r\n"), std::string::npos);
    EXPECT_NE(answer.find("-br\"\r\n"), std::string::npos) << "an ETag of its own";
    EXPECT_EQ(bodyOf(get("/a.css", "Accept-Encoding: gzip\r\n", on)), "gzipped");
    EXPECT_EQ(bodyOf(get("/a.css", "Accept-Encoding: zstd\r\n", on)), "plain");
    const std::string plain = get("/a.css", "", on);
    EXPECT_EQ(bodyOf(plain), "plain");
    EXPECT_NE(plain.find("\r\nVary: Accept-Encoding\r\n"), std::string::npos) << plain;
    EXPECT_EQ(bodyOf(get("/a.css", "Accept-Encoding: gzip\r\n")), "plain") << "off by default";
}

// A sibling that is older than the file is of an older one.
TEST_P(FileTest, oldSiblingsAreNotServed) {
    write("a.css", "plain");
    write("a.css.gz", "old", -1);
    EXPECT_EQ(bodyOf(get("/a.css", "Accept-Encoding: gzip\r\n", {.precompressed = true})), "plain");
}

// A Cache-Control field goes with files, and with what conditions make of them.
TEST_P(FileTest, tellsCaches) {
    write("a", "x");
    const FileOptions options{.cacheControl = "max-age=60"};
    EXPECT_NE(get("/a", "", options).find("\r\nCache-Control: max-age=60\r\n"), std::string::npos);
    EXPECT_NE(get("/a", "If-None-Match: *\r\n", options).find("Cache-Control: max-age=60"),
              std::string::npos);
}

// Other methods are not for files.
TEST_P(FileTest, servesGetOnly) {
    write("a", "x");
    const std::string answer = ask(file(folder.path()), "DELETE /a");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << answer;
    EXPECT_NE(answer.find("\r\nAllow: GET, HEAD, OPTIONS\r\n"), std::string::npos);
}

// It may stand anywhere in a tree, children win over files, and it may be one file.
TEST_P(FileTest, standsInATree) {
    write("a", "0123456789");
    write("b", "file");
    auto files = file(folder.path());
    files->putChild("b", makeRef<Data>("child", "t/t"));
    auto root = makeRef<Data>("root", "t/t");
    root->putChild("files", files);
    root->putChild("one", file(folder / "a"));
    EXPECT_EQ(bodyOf(ask(root, "GET /files/a")), "0123456789");
    EXPECT_EQ(bodyOf(ask(root, "GET /files/b")), "child");
    EXPECT_NE(ask(root, "GET /files").find("\r\nLocation: /files/\r\n"), std::string::npos);
    EXPECT_EQ(bodyOf(ask(root, "GET /one")), "0123456789");
    EXPECT_EQ(ask(root, "GET /one/").substr(9, 3), "404");
    EXPECT_EQ(ask(root, "GET /one/a").substr(9, 3), "404");
    EXPECT_EQ(bodyOf(ask(file(folder / "a"), "GET /")), "0123456789");
}

// An empty file is served, and has no ranges.
TEST_P(FileTest, servesEmptyFiles) {
    folder.write("a", "");
    EXPECT_NE(get("/a").find("\r\nContent-Length: 0\r\n"), std::string::npos);
    EXPECT_EQ(get("/a", "Range: bytes=0-\r\n").substr(9, 3), "416");
}

// A folder that is not there is misuse.
TEST_P(FileTest, needsItsFolder) { EXPECT_THROW(file(folder / "none"), std::system_error); }

INSTANTIATE_TEST_SUITE_P(Kept, FileTest,
                         ::testing::Values(Keeps::Nothing, Keeps::Later, Keeps::All));

}  // namespace
}  // namespace marline::http
