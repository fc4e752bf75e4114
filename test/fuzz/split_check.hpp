// What both HTTP fuzzers do with their input.
#pragma once

#include <test/protocols/http/transcript.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace marline::testing {

/// A fuzzer's input: three bytes choose limits and cuts, the rest is what goes over the wire.
class FuzzInput {
public:
    FuzzInput(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    /// The next byte; 0 if there is none.
    unsigned takeByte() {
        if (rest_.empty())
            return 0;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte;
    }

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

    std::string_view rest() const { return rest_; }

private:
    std::string_view rest_;
};

/// Aborts unless the bytes give the same transcript whole, byte by byte, and cut by chance.
template <class Transcribe>
void checkEverySplit(FuzzInput& input, Transcribe transcribe) {
    std::uint32_t random = input.takeByte() * 2654435761U + 1;
    const std::string_view bytes = input.rest();
    http::testing::Reads single;
    for (std::size_t at = 0; at < bytes.size(); ++at)
        single.push_back(bytes.substr(at, 1));
    http::testing::Reads cuts;
    for (std::size_t at = 0; at < bytes.size();) {
        random = random * 1664525U + 1013904223U;
        const std::size_t length = 1 + (random >> 16) % 40;
        cuts.push_back(bytes.substr(at, length));
        at += length;
    }
    const http::testing::Transcript whole = transcribe({bytes});
    const bool same = whole == transcribe(single) && whole == transcribe(cuts);
    if (!same || !whole.problem.empty()) {
        std::fprintf(stderr, "the events depend on the cuts, or: %s\n%s\n%s", whole.problem.c_str(),
                     whole.summary.c_str(), whole.details.c_str());
        std::abort();
    }
}

}  // namespace marline::testing
