#include <marline/protocols/http/content_decoder.hpp>

#include <marline/protocols/http/detail/brotli_decoder.hpp>
#include <marline/protocols/http/detail/lower_case.hpp>
#include <marline/protocols/http/detail/zlib_decoder.hpp>
#include <marline/protocols/http/detail/zstd_decoder.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace marline::http {

namespace {

/// Bytes of one piece at most: what one step holds in memory.
constexpr std::size_t kRoom = 16 * 1024;

using detail::equalsWord;

}  // namespace

ContentDecoder::~ContentDecoder() = default;

std::unique_ptr<ContentDecoder> ContentDecoder::make(std::string_view coding) {
    if (equalsWord(coding, "gzip") || equalsWord(coding, "x-gzip"))
        return std::make_unique<detail::ZlibDecoder>(detail::ZlibDecoder::Format::Gzip);
    if (equalsWord(coding, "deflate"))
        return std::make_unique<detail::ZlibDecoder>(detail::ZlibDecoder::Format::Deflate);
    if (equalsWord(coding, "br"))
        return std::make_unique<detail::BrotliDecoder>();
    if (equalsWord(coding, "zstd"))
        return std::make_unique<detail::ZstdDecoder>();
    return nullptr;
}

bool ContentDecoder::knows(std::string_view coding) noexcept {
    for (const std::string_view known : {"gzip", "x-gzip", "deflate", "br", "zstd"}) {
        if (equalsWord(coding, known))
            return true;
    }
    return false;
}

std::span<std::byte> ContentDecoder::room() {
    if (!room_)
        room_ = std::make_unique_for_overwrite<std::byte[]>(kRoom);
    return {room_.get(), kRoom};
}

DecodeStep ContentDecoder::give(std::size_t bytes) noexcept {
    piece_ = {room_.get(), bytes};
    return DecodeStep::Piece;
}

DecodeStep ContentDecoder::fail(std::string why) {
    error_ = std::move(why);
    return DecodeStep::Failed;
}

ContentDecoding::ContentDecoding(std::span<const std::string> codings, const DecodeLimits& limits)
    : limits_(limits) {
    if (codings.empty())
        throw std::invalid_argument("ContentDecoding of no coding");
    for (const std::string& coding : codings) {
        std::unique_ptr<ContentDecoder> decoder = ContentDecoder::make(coding);
        if (!decoder)
            throw std::invalid_argument("content coding '" + coding + "' is not known");
        stages_.push_back({coding, std::move(decoder), {}, 0});
    }
}

DecodeStep ContentDecoding::next(std::span<const std::byte>& input) {
    if (!error_.empty())
        return DecodeStep::Failed;
    // The last stage is asked first: one before it is only when there is nothing left behind it.
    std::size_t i = stages_.size() - 1;
    for (;;) {
        Stage& stage = stages_[i];
        const std::size_t before = input.size();
        const DecodeStep step = stage.decoder->next(i == 0 ? input : stage.input);
        taken_ += before - input.size();
        switch (step) {
        case DecodeStep::Failed:
            error_ = "bad " + stage.coding + " data: " + stage.decoder->error();
            return step;
        case DecodeStep::NeedInput:
            if (i == 0)
                return step;
            --i;
            break;
        case DecodeStep::Piece:
            if (!count(stage))
                return DecodeStep::Failed;
            if (i + 1 == stages_.size())
                return step;
            stages_[++i].input = stage.decoder->piece();
            break;
        }
    }
}

/// Counts what a stage gave; false when that is too much.
bool ContentDecoding::count(Stage& stage) {
    stage.given += stage.decoder->piece().size();
    if (stage.given > limits_.maxDecodedBytes) {
        error_ = "the body decodes to more than the " + std::to_string(limits_.maxDecodedBytes) +
                 " bytes that maxDecodedBytes allows";
        return false;
    }
    if (stage.given > limits_.ratioFreeBytes &&
        stage.given / std::max<std::uint64_t>(1, limits_.maxDecodedRatio) > taken_) {
        error_ = std::to_string(taken_) + " bytes decode to more than " +
                 std::to_string(stage.given) + ", beyond the ratio that maxDecodedRatio allows (" +
                 std::to_string(limits_.maxDecodedRatio) + ")";
        return false;
    }
    return true;
}

bool ContentDecoding::complete() const noexcept {
    for (const Stage& stage : stages_) {
        if (!stage.decoder->complete())
            return false;
    }
    return true;
}

ContentCodingError ContentDecoding::error() const {
    if (!error_.empty())
        return ContentCodingError(error_);
    for (const Stage& stage : stages_) {
        if (!stage.decoder->complete())
            return ContentCodingError("the " + stage.coding + " data ends early");
    }
    return ContentCodingError("no error");
}

}  // namespace marline::http
