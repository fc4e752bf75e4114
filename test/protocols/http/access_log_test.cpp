// Access logs: the lines, and the file.
#include <marline/protocols/http/access_log.hpp>

#include <marline/protocols/http/resource.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "server_wire.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::http {
namespace {

using namespace std::chrono_literals;
using test::ServerWire;

constexpr std::chrono::system_clock::time_point kWhen =
    std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s;

/// Keeps the lines, as if all requests came at one time.
class Lines final : public AccessLog {
public:
    explicit Lines(LogFormat format) : format_(format) {}

    void answered(Request& request) override {
        lines.push_back(accessLogLine(request, format_, kWhen));
    }

    std::vector<std::string> lines;

private:
    LogFormat format_;
};

class AccessLogTest : public test::ServerTest {
protected:
    static std::string lineOf(const std::string& request, LogFormat format) {
        auto log = makeRef<Lines>(format);
        SiteOptions options;
        options.accessLog = log;
        ServerWire wire(
            [](Request& asked) -> Rendered {
                if (asked.path() == "/user") {
                    asked.setUser("m\"e");
                }
                return asked.path() == "/empty" ? "" : "four";
            },
            options);
        wire.exchange(request);
        return log->lines.empty() ? "" : log->lines.at(0);
    }
    static std::string combined(const std::string& request) {
        return lineOf(request, LogFormat::Combined);
    }
};

// a line is as Apache's, written when the response is finished.
TEST_F(AccessLogTest, writesCombinedLines) {
    const std::string line =
        combined("GET /a?b HTTP/1.1\r\nHost: t\r\nReferer: http://r/\r\nUser-Agent: U/1\r\n\r\n");
    EXPECT_TRUE(
        line.ends_with(" - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/1.1\" 200 4 "
                       "\"http://r/\" \"U/1\"\n"))
        << line;
    EXPECT_TRUE(combined("HEAD /empty HTTP/1.0\r\n\r\n")
                    .ends_with("\"HEAD /empty HTTP/1.0\" 200 - \"-\" \"-\"\n"));
}

// what a client sends cannot end the line or a field of it.
TEST_F(AccessLogTest, escapes) {
    EXPECT_TRUE(
        combined("GET / HTTP/1.1\r\nHost: t\r\nReferer: a\"b\\c\td\r\nUser-Agent: \xc3\xbc\r\n\r\n")
            .ends_with("\"a\\\"b\\\\c\\x09d\" \"\\xc3\\xbc\"\n"));
    EXPECT_NE(combined("GET /user HTTP/1.1\r\nHost: t\r\n\r\n").find(" - m\\\"e ["),
              std::string::npos);
}

// One object a line, of what is known.
TEST_F(AccessLogTest, writesJsonLines) {
    const std::string line =
        lineOf("POST /a HTTP/1.1\r\nHost: h\r\nUser-Agent: \"\x01\xff\r\nContent-Length: 0\r\n\r\n",
               LogFormat::Json);
    EXPECT_EQ(line, "") << "a control character in a field is a 400, which no resource answered";
    const std::string fine =
        lineOf("GET /a HTTP/1.1\r\nHost: h\r\nUser-Agent: \"\xff\r\n\r\n", LogFormat::Json);
    EXPECT_TRUE(fine.starts_with("{\"time\":\"1994-11-06T08:49:37Z\",\"peer\":\"")) << fine;
    EXPECT_TRUE(fine.ends_with(
        "\"user\":\"\",\"method\":\"GET\",\"uri\":\"/a\",\"protocol\":\"HTTP/1.1\",\"host\":\"h\","
        "\"status\":200,\"bytes\":4,\"microseconds\":0,\"referer\":\"\","
        "\"userAgent\":\"\\\"\\u00ff\"}\n"))
        << fine;
}

class FileAccessLogTest : public AccessLogTest {
protected:
    /// One request that is logged.
    void request() {
        SiteOptions options;
        options.accessLog = log;
        ServerWire wire([](Request&) -> Rendered { return "x"; }, options);
        wire.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    }
    std::size_t linesIn(const std::string& name) const {
        const std::string text = folder.read(name);
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }

    marline::test::TempFolder folder;
    testing::Clock clock;
    Ref<FileAccessLog> log = makeRef<FileAccessLog>(clock, folder / "log");
};

// Lines are written together, after a second.
TEST_F(FileAccessLogTest, collectsLines) {
    request();
    request();
    EXPECT_EQ(linesIn("log"), 0U);
    clock.advance(1s);
    EXPECT_EQ(linesIn("log"), 2U);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// Many lines do not wait, and none is lost at the end.
TEST_F(FileAccessLogTest, writesWhenThereIsMuch) {
    for (int i = 0; i < 1000; ++i) {
        request();
    }
    EXPECT_GT(linesIn("log"), 500U);
    EXPECT_LT(linesIn("log"), 1000U);
    log.reset();
    EXPECT_EQ(linesIn("log"), 1000U);
    EXPECT_EQ(clock.pendingCalls(), 0U);
}

// A file that was moved away gets what is older, and a new one the rest.
TEST_F(FileAccessLogTest, reopens) {
    request();
    std::filesystem::rename(folder / "log", folder / "old");
    log->reopen();
    request();
    log->flush();
    EXPECT_EQ(linesIn("old"), 1U);
    EXPECT_EQ(linesIn("log"), 1U);
}

// What exists is not overwritten.
TEST_F(FileAccessLogTest, appends) {
    request();
    log->flush();
    log = makeRef<FileAccessLog>(clock, folder / "log");
    request();
    log->flush();
    EXPECT_EQ(linesIn("log"), 2U);
}

// A file that cannot be opened is an error; one that cannot be written is logged.
TEST_F(FileAccessLogTest, tellsOfErrors) {
    EXPECT_THROW(makeRef<FileAccessLog>(clock, folder / "no/log"), std::system_error);
    log = makeRef<FileAccessLog>(clock, "/dev/full");
    request();
    log->flush();
    EXPECT_NE(errors().find("access log /dev/full"), std::string::npos) << errors();
    log = makeRef<FileAccessLog>(clock, "-", LogFormat::Json);
    log->reopen();
}

}  // namespace
}  // namespace marline::http
