// What both HTTP fuzzers do with their input.
#pragma once

#include <test/fuzz/cuts.hpp>
#include <test/protocols/http/transcript.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace marline::testing {

/// A Chooser that chooses limits, too.
class FuzzInput : public Chooser {
public:
    using Chooser::Chooser;

    /// The defaults, or limits small enough that the fuzzer meets them.
    http::WireLimits takeLimits() {
        http::WireLimits limits;
        const unsigned choice = takeByte();
        if (choice % 4 == 3) {
            limits.requestLine = 8 + choice;
            limits.headerBlock = 16 + choice;
            limits.headerFields = 1 + choice / 32;
            limits.body = choice / 2;
            limits.chunkLine = 1 + choice / 8;
            limits.chunkExtensions = choice / 4;
            limits.trailerBlock = choice / 4;
            limits.trailerFields = choice / 64;
            limits.informationalHeads = choice / 64;
        }
        return limits;
    }
};

/// Aborts unless the bytes give the same transcript whole, byte by byte, and cut by chance.
template <class Transcribe>
void checkEverySplit(FuzzInput& input, Transcribe transcribe) {
    const unsigned seed = input.takeByte();
    const http::testing::Transcript whole = transcribe({input.rest()});
    bool same = true;
    for (const http::testing::Reads& reads : cutTwice(input.rest(), seed)) {
        same = same && whole == transcribe(reads);
    }
    if (!same || !whole.problem.empty()) {
        std::fprintf(stderr, "the events depend on the cuts, or: %s\n%s\n%s", whole.problem.c_str(),
                     whole.summary.c_str(), whole.details.c_str());
        std::abort();
    }
}

}  // namespace marline::testing
