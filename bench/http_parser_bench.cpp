// How fast the HTTP/1 wire engine reads and writes: bytes per second, allocations per message.
#include <benchmark/benchmark.h>

#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/request_parser.hpp>
#include <marline/protocols/http/response_parser.hpp>
#include <marline/protocols/http/serializer.hpp>

#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "allocations.hpp"
#include "browser_request.hpp"

namespace {

namespace http = marline::http;

using marline::bench::kBrowserRequest;

constexpr std::string_view kSmallRequest = "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Server: nginx/1.22.1\r\n"
    "Date: Sat, 21 Nov 2026 06:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 13\r\n"
    "Last-Modified: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
    "Connection: keep-alive\r\n"
    "ETag: \"6553f1c2-1a2b\"\r\n"
    "Cache-Control: public, max-age=600\r\n"
    "Vary: Accept-Encoding\r\n"
    "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "\r\n"
    "Hello, world!";

/// Reports throughput and the allocations since the bench was warm.
void report(benchmark::State& state, std::size_t bytes, std::uint64_t allocationsBefore) {
    // Taken first: reporting allocates by itself.
    const auto allocations = static_cast<double>(marline::bench::allocations - allocationsBefore);
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
    state.counters["allocs/msg"] = allocations / static_cast<double>(state.iterations());
}

/// Pulls all events out of `bytes`, which hold whole messages; dies if they are refused.
template <class Parser>
void pull(Parser& parser, std::string_view bytes) {
    auto input = std::as_bytes(std::span(bytes));
    for (;;) {
        switch (parser.next(input)) {
        case http::WireEvent::Head: benchmark::DoNotOptimize(parser.head().fields.data()); break;
        case http::WireEvent::Body: benchmark::DoNotOptimize(parser.body().data()); break;
        case http::WireEvent::End:
            if (input.empty())
                return;
            break;
        default: std::abort();
        }
    }
}

void readRequests(benchmark::State& state, std::string_view bytes) {
    http::RequestParser parser;
    pull(parser, bytes);
    const std::uint64_t before = marline::bench::allocations;
    for (auto _ : state)
        pull(parser, bytes);
    report(state, bytes.size(), before);
}
BENCHMARK_CAPTURE(readRequests, browser, kBrowserRequest);
BENCHMARK_CAPTURE(readRequests, small, kSmallRequest);

/// The same request in two reads, so that it must be collected.
void readSplitRequest(benchmark::State& state) {
    http::RequestParser parser;
    const auto all = std::as_bytes(std::span(kBrowserRequest));
    const auto once = [&] {
        auto first = all.first(all.size() / 2);
        if (parser.next(first) != http::WireEvent::NeedData)
            std::abort();
        pull(parser, kBrowserRequest.substr(all.size() / 2));
    };
    once();
    const std::uint64_t before = marline::bench::allocations;
    for (auto _ : state)
        once();
    report(state, kBrowserRequest.size(), before);
}
BENCHMARK(readSplitRequest);

void readResponse(benchmark::State& state) {
    http::ResponseParser parser;
    const auto once = [&] {
        parser.expectResponse("GET");
        pull(parser, kResponse);
    };
    once();
    const std::uint64_t before = marline::bench::allocations;
    for (auto _ : state)
        once();
    report(state, kResponse.size(), before);
}
BENCHMARK(readResponse);

void readChunks(benchmark::State& state) {
    std::string bytes = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string data(static_cast<std::size_t>(state.range(0)), 'x');
    for (int i = 0; i < 16; ++i)
        http::appendChunk(bytes, std::as_bytes(std::span(data)));
    http::appendLastChunk(bytes);
    readRequests(state, bytes);
}
BENCHMARK(readChunks)->Arg(16)->Arg(4096);

void copyHeaders(benchmark::State& state) {
    http::RequestParser parser;
    auto input = std::as_bytes(std::span(kBrowserRequest));
    if (parser.next(input) != http::WireEvent::Head)
        std::abort();
    http::Headers headers(parser.head().fields);
    const std::uint64_t before = marline::bench::allocations;
    for (auto _ : state) {
        headers.clear();
        headers.addRawHeaders(parser.head().fields);
        benchmark::DoNotOptimize(headers.size());
    }
    report(state, kBrowserRequest.size(), before);
}
BENCHMARK(copyHeaders);

void writeResponse(benchmark::State& state) {
    const http::Headers headers{{"Server", "marline"},
                                {"Date", "Sat, 21 Nov 2026 06:00:00 GMT"},
                                {"Content-Type", "text/html; charset=utf-8"},
                                {"Cache-Control", "public, max-age=600"}};
    std::string out;
    http::appendResponseHead(out, 200, "OK", headers, http::BodyLength::known(13));
    const std::uint64_t before = marline::bench::allocations;
    for (auto _ : state) {
        out.clear();
        http::appendResponseHead(out, 200, "OK", headers, http::BodyLength::known(13));
        benchmark::DoNotOptimize(out.data());
    }
    report(state, out.size(), before);
}
BENCHMARK(writeResponse);

}  // namespace

BENCHMARK_MAIN();
