#include <marline/protocols/http/detail/brotli_decoder.hpp>

#include <new>

namespace marline::http::detail {

DecodeStep BrotliDecoder::next(std::span<const std::byte>& input) {
    if (!state_) {
        if (input.empty())
            return DecodeStep::NeedInput;
        state_.reset(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr));
        if (!state_)
            throw std::bad_alloc();
    }
    if (complete())
        return input.empty() ? DecodeStep::NeedInput : fail("there are bytes behind its end");
    const std::span<std::byte> out = room();
    std::size_t inLeft = input.size();
    const auto* in = reinterpret_cast<const std::uint8_t*>(input.data());
    std::size_t outLeft = out.size();
    auto* at = reinterpret_cast<std::uint8_t*>(out.data());
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(state_.get(), &inLeft, &in, &outLeft, &at, nullptr);
    input = input.last(inLeft);
    if (result == BROTLI_DECODER_RESULT_ERROR)
        return fail(BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state_.get())));
    if (outLeft < out.size())
        return give(out.size() - outLeft);
    return input.empty() ? DecodeStep::NeedInput : fail("there are bytes behind its end");
}

}  // namespace marline::http::detail
