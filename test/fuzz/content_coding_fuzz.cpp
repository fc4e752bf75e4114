// Fuzzes the content decoders, alone and on top of each other: what was coded comes back, what is
// cut short is not whole, no body is larger than the limits, and reads do not matter.
#include <string>
#include <vector>

#include <marline/protocols/http/content_decoder.hpp>
#include <marline/reactor/interfaces.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>
#include <test/support/compress.hpp>

namespace {

using namespace marline;
using http::DecodeStep;
using marline::testing::demand;

constexpr const char* kCodings[] = {"gzip", "deflate", "br", "zstd"};

struct Decoded {
    bool refused = false;
    bool complete = false;
    std::string text;
};

Decoded decode(const std::vector<std::string>& codings, const std::vector<std::string_view>& reads,
               const http::DecodeLimits& limits) {
    http::ContentDecoding decoding(codings, limits);
    Decoded decoded;
    std::uint64_t taken = 0;
    for (const std::string_view read : reads) {
        const std::vector<std::byte> exact(asBytes(read).begin(), asBytes(read).end());
        std::span<const std::byte> input(exact);
        DecodeStep step = DecodeStep::NeedInput;
        do {
            const std::size_t before = input.size();
            step = decoding.next(input);
            taken += before - input.size();
            if (step == DecodeStep::Piece) {
                decoded.text += asText(decoding.piece());
                demand(decoded.text.size() <= limits.maxDecodedBytes, "maxDecodedBytes");
                demand(decoded.text.size() <= limits.ratioFreeBytes ||
                           decoded.text.size() / limits.maxDecodedRatio <= taken,
                       "maxDecodedRatio");
            }
        } while (step == DecodeStep::Piece);
        if (step == DecodeStep::Failed) {
            demand(marline::testing::isOneLine(decoding.error().what()), "an error is one line");
            decoded.refused = true;
            return decoded;
        }
        demand(input.empty(), "all input is consumed");
    }
    decoded.complete = decoding.complete();
    return decoded;
}

std::string encoded(std::string_view coding, std::string_view text) {
    return coding == "gzip"      ? marline::testing::gzipped(text)
           : coding == "deflate" ? marline::testing::deflated(text, text.size() % 2 == 0 ? 15 : -15)
           : coding == "br"      ? marline::testing::brotlied(text)
                                 : marline::testing::zstded(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    std::vector<std::string> codings;
    for (unsigned count = 1 + choice % 3, which = input.takeByte(); count > 0;
         --count, which /= 4) {
        codings.emplace_back(kCodings[which % 4]);
    }
    const unsigned seed = input.takeByte();
    // What anybody may send: with the ratio's limit the same refusal may come sooner or later.
    const http::DecodeLimits wide{
        .maxDecodedBytes = 1U << 20U, .maxDecodedRatio = 1U << 30U, .ratioFreeBytes = 0};
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed, [&](const std::vector<std::string_view>& reads) {
            const Decoded decoded = decode(codings, reads, wide);
            return decoded.refused ? std::string("refused")
                                   : (decoded.complete ? "whole " : "part ") + decoded.text;
        });
    decode(codings, {input.rest()},
           {.maxDecodedBytes = seed, .maxDecodedRatio = 1 + seed % 5, .ratioFreeBytes = seed / 2});
    // What an honest server sends.
    std::string body(input.rest());
    for (std::size_t i = codings.size(); i > 0; --i) {
        body = encoded(codings[i - 1], body);
    }
    const Decoded whole = decode(codings, {body}, wide);
    demand(!whole.refused && whole.complete && whole.text == input.rest(), "it comes back");
    const Decoded cut = decode(codings, {std::string_view(body).substr(0, body.size() - 1)}, wide);
    demand(cut.refused || !cut.complete || body.size() == 1, "what is cut is not whole");
    return 0;
}
