// Parsers are plain values: moved, dropped half-way, and dropped on another thread.
#include <marline/protocols/http/request_parser.hpp>
#include <marline/protocols/http/response_parser.hpp>

#include <test/protocols/http/transcript.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace marline::http {
namespace {

using testing::bytesOf;
using testing::textOf;

constexpr std::string_view kHead = "POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n";

static_assert(std::is_nothrow_move_constructible_v<RequestParser>);
static_assert(std::is_nothrow_move_constructible_v<ResponseParser>);
static_assert(!std::is_constructible_v<RequestParser, WireLimits&&>, "limits must outlive it");
static_assert(!std::is_constructible_v<ResponseParser, WireLimits&&>, "limits must outlive it");

/// Expects that `parser` goes on with `rest` to the end of the request for /p.
void expectRest(RequestParser& parser, std::string_view rest) {
    auto input = bytesOf(rest);
    ASSERT_EQ(parser.next(input), WireEvent::Head);
    EXPECT_EQ(parser.head().target, "/p");
    EXPECT_EQ(parser.head().fields[0].value, "t");
    ASSERT_EQ(parser.next(input), WireEvent::Body);
    EXPECT_EQ(textOf(parser.body()), "hello");
    EXPECT_EQ(parser.next(input), WireEvent::End);
}

// What was read of a head moves along with its parser, at every byte.
TEST(ParserLifetime, movesWithinAHead) {
    for (std::size_t cut = 0; cut < kHead.size(); ++cut) {
        RequestParser first;
        auto input = bytesOf(kHead.substr(0, cut));
        ASSERT_EQ(first.next(input), WireEvent::NeedData);
        RequestParser second = std::move(first);
        const std::string rest = std::string(kHead.substr(cut)) + "hello";
        expectRest(second, rest);
    }
}

// A head that was reported stays readable in the parser it moved to.
TEST(ParserLifetime, movesWithAHead) {
    RequestParser first;
    auto input = bytesOf(kHead);
    ASSERT_EQ(first.next(input), WireEvent::Head);
    RequestParser second = std::move(first);
    EXPECT_EQ(second.head().target, "/p");
    input = bytesOf("hello");
    EXPECT_EQ(second.next(input), WireEvent::Body);
}

// A connection may go away at any byte; AddressSanitizer watches that nothing is lost.
TEST(ParserLifetime, mayEndAnywhere) {
    const std::string bytes = std::string(kHead) + "hello";
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
        RequestParser parser;
        auto input = bytesOf(std::string_view(bytes).substr(0, length));
        while (parser.next(input) != WireEvent::NeedData) {
        }
        EXPECT_TRUE(input.empty());
    }
}

// Many connections may be within their heads at once, more than the thread keeps blocks for.
TEST(ParserLifetime, manyMayBeWithinTheirHeads) {
    std::vector<RequestParser> parsers(100);
    for (RequestParser& parser : parsers) {
        auto input = bytesOf(kHead.substr(0, 30));
        ASSERT_EQ(parser.next(input), WireEvent::NeedData);
    }
    const std::string rest = std::string(kHead.substr(30)) + "hello";
    for (RequestParser& parser : parsers)
        expectRest(parser, rest);
}

// A parser may be handed to another thread and end there, its block with it.
TEST(ParserLifetime, mayEndOnAnotherThread) {
    std::optional<RequestParser> parser(std::in_place);
    auto input = bytesOf(kHead.substr(0, 30));
    ASSERT_EQ(parser->next(input), WireEvent::NeedData);
    std::thread([&] {
        expectRest(*parser, std::string(kHead.substr(30)) + "hello");
        parser.reset();
    }).join();
    EXPECT_FALSE(parser.has_value());
}

// A parser with static storage ends after the main thread's blocks are gone: the program must
// still leave in order, which AddressSanitizer checks when this test's process ends.
TEST(ParserLifetime, mayOutliveTheThreadsBlocks) {
    static RequestParser parser;
    auto input = bytesOf(kHead.substr(0, 30));
    EXPECT_EQ(parser.next(input), WireEvent::NeedData);
}

// The response parser moves in the same way, and keeps in mind what its request was.
TEST(ParserLifetime, responsesMoveWithTheirRequest) {
    ResponseParser first;
    first.expectResponse("HEAD");
    auto input = bytesOf("HTTP/1.1 200 OK\r\nContent-");
    ASSERT_EQ(first.next(input), WireEvent::NeedData);
    ResponseParser second = std::move(first);
    input = bytesOf("Length: 5\r\n\r\n");
    ASSERT_EQ(second.next(input), WireEvent::Head);
    EXPECT_EQ(second.head().contentLength, 5U);
    EXPECT_EQ(second.next(input), WireEvent::End);
}

}  // namespace
}  // namespace marline::http
