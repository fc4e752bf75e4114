// Counts what the wire engine allocates; a program of its own, because it replaces operator new.
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/request_parser.hpp>
#include <marline/protocols/http/response_parser.hpp>
#include <marline/protocols/http/serializer.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <span>
#include <string>
#include <string_view>

namespace {

std::size_t allocations = 0;

}  // namespace

// Every form of operator new ends in this one, and every form of delete in those below. Not
// inlined, or g++ would take free() for the counterpart of another operator new and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size == 0 ? 1 : size))
        return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace marline::http {
namespace {

constexpr std::string_view kRequest =
    "POST /a/path?with=query HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: test\r\n"
    "Accept: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nServer: test\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

/// Feeds `bytes` in reads of `readSize` and gives the number of messages that ended.
template <class Parser>
int feed(Parser& parser, std::string_view bytes, std::size_t readSize) {
    int ended = 0;
    for (std::size_t at = 0; at < bytes.size(); at += readSize) {
        auto input = std::as_bytes(std::span(bytes.substr(at, readSize)));
        for (WireEvent event = parser.next(input); event != WireEvent::NeedData;
             event = parser.next(input)) {
            if (event == WireEvent::Failed)
                return -1;
            ended += event == WireEvent::End ? 1 : 0;
            if (event == WireEvent::End && input.empty())
                break;
        }
    }
    return ended;
}

/// How many allocations `call` makes.
template <class Call>
std::size_t allocationsOf(Call call) {
    const std::size_t before = allocations;
    call();
    return allocations - before;
}

// The counter counts: a test that cannot fail is none.
TEST(Allocations, areCounted) {
    EXPECT_EQ(allocationsOf([] { ::operator delete(::operator new(1)); }), 1U);
}

// A kept-alive request costs no allocation once the thread has a block, however it is cut.
TEST(Allocations, noneForAWarmRequest) {
    RequestParser parser;
    for (const std::size_t readSize : {kRequest.size(), std::size_t{1}, std::size_t{50}}) {
        EXPECT_EQ(feed(parser, kRequest, readSize), 1);
        EXPECT_EQ(allocationsOf([&] {
                      for (int i = 0; i < 100; ++i)
                          ASSERT_EQ(feed(parser, kRequest, readSize), 1);
                  }),
                  0U)
            << "reads of " << readSize;
    }
}

// The same for responses.
TEST(Allocations, noneForAWarmResponse) {
    ResponseParser parser;
    for (const std::size_t readSize : {kResponse.size(), std::size_t{1}}) {
        parser.expectResponse("GET");
        EXPECT_EQ(feed(parser, kResponse, readSize), 1);
        EXPECT_EQ(allocationsOf([&] {
                      for (int i = 0; i < 100; ++i) {
                          parser.expectResponse("GET");
                          ASSERT_EQ(feed(parser, kResponse, readSize), 1);
                      }
                  }),
                  0U)
            << "reads of " << readSize;
    }
}

// A thousand new connections share the thread's blocks: a parser by itself owns no memory.
TEST(Allocations, noneForANewParser) {
    const auto connect = [](int times) {
        for (int i = 0; i < times; ++i) {
            RequestParser parser;
            ASSERT_EQ(feed(parser, kRequest, kRequest.size()), 1);
        }
    };
    connect(1);
    EXPECT_EQ(allocationsOf([&] { connect(1000); }), 0U);
}

// An idle parser gives its block back, so that another one need not make its own.
TEST(Allocations, anIdleParserHoldsNoBlock) {
    RequestParser first;
    RequestParser second;
    EXPECT_EQ(feed(first, kRequest, 1), 1);
    std::span<const std::byte> nothing;
    EXPECT_EQ(first.next(nothing), WireEvent::NeedData);
    EXPECT_EQ(allocationsOf([&] { EXPECT_EQ(feed(second, kRequest, 1), 1); }), 0U);
}

// A block that had to grow far is not kept: one large head must not cost memory for ever.
TEST(Allocations, aLargeHeadLeavesNothingBehind) {
    const std::string large =
        "GET / HTTP/1.1\r\nHost: t\r\nX: " + std::string(60000, 'a') + "\r\n\r\n";
    RequestParser parser;
    EXPECT_EQ(feed(parser, large, 1000), 1);
    EXPECT_GT(allocationsOf([&] { EXPECT_EQ(feed(parser, large, 1000), 1); }), 0U);
}

// Refilling a Headers that was cleared and writing it into a string that has room cost nothing.
TEST(Allocations, noneForWarmHeadersAndSerializer) {
    Headers headers;
    std::string out;
    const auto cycle = [&] {
        headers.clear();
        out.clear();
        headers.addRawHeader("Host", "www.example.org");
        headers.addRawHeader("Accept", "text/html,application/xhtml+xml");
        headers.setRawHeaders("Accept", {"*/*"});
        appendRequestHead(out, "POST", "/a/path?with=query", headers, BodyLength::chunked());
        appendChunk(out, std::as_bytes(std::span(kResponse)));
        appendLastChunk(out);
        appendResponseHead(out, 200, "OK", Headers{}, BodyLength::known(5));
    };
    cycle();
    EXPECT_EQ(allocationsOf(cycle), 0U);
}

}  // namespace
}  // namespace marline::http
