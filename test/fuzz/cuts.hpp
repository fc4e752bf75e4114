// Bytes cut in several ways, for fuzzers of protocols: what comes of them must not depend on it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace marline::testing {

/// A fuzzer's input: some bytes choose limits and cuts, the rest is what goes over the wire.
class Chooser {
public:
    Chooser(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    /// The next byte; 0 if there is none.
    unsigned takeByte() {
        if (rest_.empty()) {
            return 0;
        }
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte;
    }
    /// The bytes up to the next LF, which goes too; all that is left when there is none.
    std::string_view takeLine() {
        const std::string_view line = rest_.substr(0, rest_.find('\n'));
        rest_.remove_prefix(std::min(line.size() + 1, rest_.size()));
        return line;
    }
    std::string_view rest() const { return rest_; }

private:
    std::string_view rest_;
};

/// `bytes` byte by byte, and cut by chance.
inline std::vector<std::vector<std::string_view>> cutTwice(std::string_view bytes, unsigned seed) {
    std::vector<std::string_view> single;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        single.push_back(bytes.substr(at, 1));
    }
    std::uint32_t random = seed * 2654435761U + 1;
    std::vector<std::string_view> cuts;
    for (std::size_t at = 0; at < bytes.size();) {
        random = random * 1664525U + 1013904223U;
        cuts.push_back(bytes.substr(at, 1 + (random >> 16) % 40));
        at += cuts.back().size();
    }
    return {std::move(single), std::move(cuts)};
}

/// Aborts unless `transcribe` gives the same text for `bytes` at once, byte by byte, and cut by
/// chance.
template <class Transcribe>
void expectTheSameFromEveryCut(std::string_view bytes, unsigned seed, Transcribe transcribe) {
    const std::string whole = transcribe(std::vector<std::string_view>{bytes});
    for (const auto& reads : cutTwice(bytes, seed)) {
        const std::string other = transcribe(reads);
        if (other != whole) {
            std::fprintf(stderr, "at once:\n%s\ncut:\n%s\n", whole.c_str(), other.c_str());
            std::abort();
        }
    }
}

}  // namespace marline::testing
