#include <marline/agent/collect.hpp>

#include <stdexcept>
#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/body.hpp>
#include <marline/agent/errors.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/temp_folder.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;

class CollectTest : public ::testing::Test {
protected:
    ~CollectTest() override { inner->closeAll(); }

    Response response(const std::string& wire) {
        inner->answer(wire);
        return Outcome<Response>(ScriptedAgentHandle(inner).request("GET", "http://h/x")).value();
    }
    ScriptedConnection& peer() { return *inner->last().connection; }

    std::string path() const { return folder / "saved"; }
    void write(const std::string& content) const { folder.write("saved", content); }
    std::string saved() const { return folder.read("saved"); }

    NoUnhandled unhandled;
    test::TempFolder folder;
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
    std::string text;
};

constexpr const char* kLong = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";

// Every piece is given, and the Deferred fires at the end.
TEST_F(CollectTest, givesEveryPiece) {
    Outcome<> done(collect(response(std::string(kLong) + "abc"),
                           [this](std::span<const std::byte> piece) { text += asText(piece); }));
    EXPECT_EQ(text, "abc");
    EXPECT_FALSE(done.fired());
    peer().send("def");
    peer().send("ghi");
    EXPECT_TRUE(done.ok());
    EXPECT_EQ(text, "abcdefghi");
}

// TQ-7: a body of no bytes is no call, and one that only the close ends is a success.
TEST_F(CollectTest, emptyAndCloseDelimitedBodiesAreWhole) {
    int calls = 0;
    Outcome<> empty(
        collect(response(reply("200 OK")), [&calls](std::span<const std::byte>) { ++calls; }));
    EXPECT_TRUE(empty.ok());
    EXPECT_EQ(calls, 0);
    Outcome<> closed(collect(response("HTTP/1.1 200 OK\r\n\r\nabc"),
                             [&calls](std::span<const std::byte>) { ++calls; }));
    peer().close();
    EXPECT_TRUE(closed.ok());
    EXPECT_EQ(calls, 1);
}

// TQ-7: what the collector throws fails the Deferred and closes the connection.
TEST_F(CollectTest, collectorThatThrowsFails) {
    int calls = 0;
    Outcome<> done(
        collect(response(std::string(kLong) + "abc"), [&calls](std::span<const std::byte>) {
            ++calls;
            throw std::runtime_error("full");
        }));
    EXPECT_EQ(done.message(), "full");
    EXPECT_TRUE(peer().aborted());
    EXPECT_EQ(calls, 1);
}

// A cut body fails, and so does a second reader.
TEST_F(CollectTest, cutBodyFails) {
    const Response whole = response(std::string(kLong) + "abc");
    Outcome<> done(collect(whole, [](std::span<const std::byte>) {}));
    peer().lose();
    EXPECT_NE(done.failed<ResponseFailed>(), nullptr);
    Outcome<> second(collect(whole, [](std::span<const std::byte>) {}));
    EXPECT_THAT(second.message(), HasSubstr("has a reader already"));
}

// Cancelling closes the connection.
TEST_F(CollectTest, cancelCloses) {
    Outcome<> done(
        collect(response(std::string(kLong) + "abc"), [](std::span<const std::byte>) {}));
    done.cancel();
    EXPECT_NE(done.failed<CancelledError>(), nullptr);
    EXPECT_TRUE(peer().aborted());
}

// A body is written to its file, whatever was there.
TEST_F(CollectTest, savesABody) {
    write("older and longer than what comes");
    Outcome<std::uint64_t> done(saveTo(response(reply("200 OK", "", "hello")), path()));
    EXPECT_EQ(done.value(), 5U);
    EXPECT_EQ(saved(), "hello");
}

// A cut body leaves what came, and the next request goes on behind it.
TEST_F(CollectTest, resumesADownload) {
    EXPECT_TRUE(resumeHeaders(path()).empty());
    Outcome<std::uint64_t> cut(saveTo(response(std::string(kLong) + "abcd"), path()));
    peer().lose();
    EXPECT_NE(cut.failed<ResponseFailed>(), nullptr);
    const http::Headers headers = resumeHeaders(path(), "\"v1\"");
    EXPECT_EQ(headers.get("Range"), "bytes=4-");
    EXPECT_EQ(headers.get("If-Range"), "\"v1\"");
    EXPECT_FALSE(resumeHeaders(path()).hasHeader("If-Range"));
    Outcome<std::uint64_t> rest(
        saveTo(response(reply("206 Partial", "Content-Range: bytes 4-8/9\r\n", "efghi")), path()));
    EXPECT_EQ(rest.value(), 5U);
    EXPECT_EQ(saved(), "abcdefghi");
}

// All of it is there already: the server says so, and nothing is written.
TEST_F(CollectTest, resumingAWholeFileIsNothing) {
    write("abcdefghi");
    Outcome<std::uint64_t> done(
        saveTo(response(reply("416 No", "Content-Range: bytes */9\r\n", "sorry")), path()));
    EXPECT_EQ(done.value(), 0U);
    EXPECT_EQ(saved(), "abcdefghi");
}

// A part that does not begin where the file ends is not written.
TEST_F(CollectTest, refusesAnotherPart) {
    write("abcd");
    for (const char* range : {"Content-Range: bytes 5-8/9\r\n", "Content-Range: lines 4-8/9\r\n",
                              "Content-Range: bytes x\r\n", ""}) {
        Outcome<std::uint64_t> done(saveTo(response(reply("206 Partial", range, "efghi")), path()));
        EXPECT_NE(done.failed<BadRange>(), nullptr);
        EXPECT_THAT(done.message(), HasSubstr("has 4 bytes"));
    }
    EXPECT_EQ(saved(), "abcd");
}

// A limit, a file that cannot be written, and an uncertain end fail, each by its name.
TEST_F(CollectTest, savingFails) {
    Outcome<std::uint64_t> large(
        saveTo(response(reply("200 OK", "", "hello")), path(), {.maxBytes = 4}));
    EXPECT_NE(large.failed<BodyTooLarge>(), nullptr);
    EXPECT_THAT(large.message(), HasSubstr("4 bytes that maxBytes allows"));
    Outcome<std::uint64_t> nowhere(
        saveTo(response(reply("200 OK", "", "hello")), "/no/such/folder/file"));
    ASSERT_NE(nowhere.failed<std::system_error>(), nullptr);
    EXPECT_THAT(nowhere.message(), HasSubstr("/no/such/folder/file"));
    Outcome<std::uint64_t> full(saveTo(response(reply("200 OK", "", "hello")), "/dev/full"));
    ASSERT_NE(full.failed<std::system_error>(), nullptr);
    EXPECT_EQ(full.failed<std::system_error>()->code(), std::errc::no_space_on_device);
    Outcome<std::uint64_t> closed(saveTo(response("HTTP/1.1 200 OK\r\n\r\nabc"), path()));
    peer().close();
    EXPECT_NE(closed.failed<PotentialDataLoss>(), nullptr);
    EXPECT_EQ(saved(), "abc");
}

// WR-24: readBody() of a body that only the close ends fails with what came.
TEST_F(CollectTest, readBodyKeepsAnUncertainBody) {
    Outcome<std::string> done(readBody(response("HTTP/1.1 203 OK\r\n\r\nabc")));
    peer().close();
    ASSERT_NE(done.failed<PartialDownloadError>(), nullptr) << done.message();
    EXPECT_NE(done.failed<PotentialDataLoss>(), nullptr);
    EXPECT_EQ(done.failed<PartialDownloadError>()->body(), "abc");
    EXPECT_EQ(done.failed<PartialDownloadError>()->code(), 203);
}

// WR-24: other ends are themselves; too much of a body stops it.
TEST_F(CollectTest, readBodyFailsWithTheReason) {
    Outcome<std::string> done(readBody(response(std::string(kLong) + "abc")));
    peer().lose();
    EXPECT_NE(done.failed<ResponseFailed>(), nullptr);
    Outcome<std::string> large(readBody(response(reply("200 OK", "", "hello")), 4));
    EXPECT_THAT(large.message(), HasSubstr("4 bytes that readBody's maxBytes allows"));
}

// WR-25, WR-26 (as it should be): cancelling readBody() closes the connection, and fails with
// CancelledError once.
TEST_F(CollectTest, readBodyCancelCloses) {
    Outcome<std::string> done(readBody(response(std::string(kLong) + "abc")));
    done.cancel();
    EXPECT_NE(done.failed<CancelledError>(), nullptr);
    EXPECT_TRUE(peer().aborted());
}

// The fields behind a chunked body are there when it has ended.
TEST_F(CollectTest, trailersComeWithTheEnd) {
    const Response answer =
        response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    Outcome<std::string> done(readBody(answer));
    EXPECT_TRUE(answer.trailers().empty());
    peer().send("0\r\nX-Check: 1\r\nX-Check: 2\r\n\r\n");
    EXPECT_EQ(done.value(), "abc");
    EXPECT_EQ(answer.trailers().getRawHeaders("x-check"),
              (std::vector<std::string_view>{"1", "2"}));
}

}  // namespace
