// Fuzzes the chunked coding: from whatever reads the same body, trailers and refusals, within the
// limits, and what was read can be written and read again.
#include <string>
#include <vector>

#include <marline/protocols/http/detail/body_decoder.hpp>
#include <marline/reactor/interfaces.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using http::WireEvent;
using marline::testing::demand;

/// What came of a body.
struct Read {
    WireEvent end = WireEvent::NeedData;
    http::ParseReason reason = http::ParseReason::None;
    std::string body;
    std::string trailers;
    std::size_t taken = 0;

    std::string transcript() const {
        const bool failed = end == WireEvent::Failed;
        std::string text = std::to_string(static_cast<int>(end)) + ' ' +
                           (failed ? std::to_string(static_cast<int>(reason)) : "") + ' ' + body +
                           '|' + trailers;
        return end == WireEvent::End ? text + std::to_string(taken) : text;
    }
};

Read read(const std::vector<std::string_view>& reads, const http::WireLimits& limits) {
    http::detail::BodyDecoder decoder;
    decoder.begin(http::BodyFraming::Chunked, 0, limits);
    http::detail::HeadBlockPtr block;
    Read result;
    std::vector<std::byte> exact;  // trailers are views of the last one
    for (const std::string_view bytes : reads) {
        exact.assign(asBytes(bytes).begin(), asBytes(bytes).end());
        std::span<const std::byte> input(exact);
        do {
            result.end = decoder.next(input, block, limits, result.reason);
            if (result.end == WireEvent::Body) {
                demand(!decoder.piece().empty(), "a piece has a byte");
                result.body += asText(decoder.piece());
            }
        } while (result.end == WireEvent::Body);
        result.taken += exact.size() - input.size();
        demand(result.end != WireEvent::NeedData || input.empty(), "all input is consumed");
        if (result.end != WireEvent::NeedData) {
            break;
        }
    }
    if (result.end == WireEvent::End && block) {
        for (const http::FieldView& field : block->fields) {
            demand(marline::testing::isOneLine(field.value), "a trailer is one line");
            result.trailers.append(field.name).append(":").append(field.value).append(";");
        }
        demand(block->fields.size() <= limits.trailerFields, "trailerFields");
    }
    demand(result.body.size() <= limits.body, "WireLimits::body");
    return result;
}

/// `body` in chunks of `size` bytes.
std::string chunked(std::string_view body, std::size_t size) {
    std::string text;
    for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
        const std::string_view chunk = body.substr(0, size);
        char line[20];
        std::snprintf(line, sizeof line, "%zx\r\n", chunk.size());
        text.append(line).append(chunk).append("\r\n");
    }
    return text + "0\r\n\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::Chooser input(data, size);
    http::WireLimits limits;
    if (const unsigned choice = input.takeByte(); choice % 4 == 3) {
        limits.body = choice / 2;
        limits.chunkLine = 1 + choice / 8;
        limits.chunkExtensions = choice / 4;
        limits.trailerBlock = choice / 4;
        limits.trailerFields = choice / 64;
    }
    const unsigned seed = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(input.rest(), seed,
                                                [&](const std::vector<std::string_view>& reads) {
                                                    return read(reads, limits).transcript();
                                                });
    const Read once = read({input.rest()}, limits);
    const Read again = read({chunked(once.body, 1 + seed)}, {});
    demand(again.end == WireEvent::End && again.body == once.body, "written, and read again");
    return 0;
}
