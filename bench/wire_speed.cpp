// The request parser beside strict llhttp, on a request as browsers send them: `wire_speed
// --seconds 2`.
//
// They take turns, a tenth of a second each; llhttp with callbacks that note where the target,
// names and values are. Prints one JSON line: bytes per second and bytes per cycle of the time
// stamp counter (0 where there is none), the best turn of each, and allocations of ours in all.
// Without Debian's node-llhttp its figures are 0.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

#include <marline/protocols/http/request_parser.hpp>

#include "allocations.hpp"
#include "arguments.hpp"
#include "browser_request.hpp"

#if defined(MARLINE_LLHTTP)
#include <llhttp/llhttp.h>
#endif

namespace {

namespace bench = marline::bench;
namespace http = marline::http;
using Clock = std::chrono::steady_clock;

std::uint64_t cycles() {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

struct Speed {
    double gigabytes = 0;  // a second
    double perCycle = 0;
};

/// The better one of `best` and a turn of calling `once`, which reads one request.
template <class Once>
Speed turn(Speed best, Once once) {
    constexpr int kBatch = 1000;
    const auto start = Clock::now();
    const std::uint64_t startCycles = cycles();
    double bytes = 0;
    std::chrono::duration<double, std::nano> took{};
    do {
        for (int i = 0; i < kBatch; ++i) {
            once();
        }
        bytes += kBatch * static_cast<double>(bench::kBrowserRequest.size());
        took = Clock::now() - start;
    } while (took < std::chrono::milliseconds(100));
    const std::uint64_t used = cycles() - startCycles;
    best.gigabytes = std::max(best.gigabytes, bytes / took.count());
    best.perCycle = std::max(best.perCycle, used > 0 ? bytes / static_cast<double>(used) : 0);
    return best;
}

/// Where the parts of the last request are.
struct Seen {
    std::size_t fields = 0;
    const char* last = nullptr;
};

void readOurs(http::RequestParser& parser, Seen& seen) {
    auto input = std::as_bytes(std::span(bench::kBrowserRequest));
    if (parser.next(input) != http::WireEvent::Head) {
        std::abort();
    }
    seen.fields += parser.head().fields.size();
    seen.last = parser.head().fields.back().value.data();
    if (parser.next(input) != http::WireEvent::End || !input.empty()) {
        std::abort();
    }
}

#if defined(MARLINE_LLHTTP)

int noteField(llhttp_t* parser, const char*, std::size_t) {
    ++static_cast<Seen*>(parser->data)->fields;
    return 0;
}
int noteText(llhttp_t* parser, const char* at, std::size_t) {
    static_cast<Seen*>(parser->data)->last = at;
    return 0;
}

/// A parser with all leniency off, as llhttp is by default.
class Llhttp {
public:
    explicit Llhttp(Seen& seen) {
        llhttp_settings_init(&settings_);
        settings_.on_url = noteText;
        settings_.on_header_field = noteField;
        settings_.on_header_value = noteText;
        llhttp_init(&parser_, HTTP_REQUEST, &settings_);
        parser_.data = &seen;
    }
    Llhttp(const Llhttp&) = delete;
    Llhttp& operator=(const Llhttp&) = delete;

    void read() {
        if (llhttp_execute(&parser_, bench::kBrowserRequest.data(),
                           bench::kBrowserRequest.size()) != HPE_OK) {
            std::abort();
        }
    }

private:
    llhttp_settings_t settings_{};
    llhttp_t parser_{};
};

#endif

}  // namespace

int main(int argc, char** argv) {
    const long turns = bench::number(argc, argv, "--seconds", 2) * 5;
    Seen seen;
    http::RequestParser parser;
    readOurs(parser, seen);
    Speed ours;
    Speed theirs;
    Seen seenByThem;
#if defined(MARLINE_LLHTTP)
    Llhttp llhttp(seenByThem);
    llhttp.read();
    if (seenByThem.fields != seen.fields || seenByThem.last != seen.last) {
        std::fputs("wire_speed: the parsers have read different things\n", stderr);
        return 1;
    }
#endif
    const std::uint64_t allocations = bench::allocations;
    for (long i = 0; i < turns; ++i) {
        ours = turn(ours, [&] { readOurs(parser, seen); });
#if defined(MARLINE_LLHTTP)
        theirs = turn(theirs, [&] { llhttp.read(); });
#endif
    }
    std::printf(
        "{\"bytes\":%zu,\"GB_per_s\":%.3f,\"bytes_per_cycle\":%.3f,\"allocs\":%llu,"
        "\"llhttp_GB_per_s\":%.3f,\"llhttp_bytes_per_cycle\":%.3f}\n",
        bench::kBrowserRequest.size(), ours.gigabytes, ours.perCycle,
        static_cast<unsigned long long>(bench::allocations - allocations), theirs.gigabytes,
        theirs.perCycle);
    return 0;
}
