#include <marline/protocols/http/detail/zstd_decoder.hpp>

#include <algorithm>
#include <new>

namespace marline::http::detail {

namespace {

constexpr int kWindowLog = 23;

}  // namespace

DecodeStep ZstdDecoder::next(std::span<const std::byte>& input) {
    if (!context_) {
        context_.reset(ZSTD_createDCtx());
        if (!context_)
            throw std::bad_alloc();
        ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog);
    }
    while (!input.empty() || full_) {
        const std::span<std::byte> room = this->room();
        // The first byte of a frame by itself: libzstd reads a frame that is there whole in another
        // way, which refuses what it takes in parts.
        const std::size_t size = inside_ ? input.size() : std::min(input.size(), std::size_t{1});
        ZSTD_inBuffer in{input.data(), size, 0};
        ZSTD_outBuffer out{room.data(), room.size(), 0};
        const std::size_t status = ZSTD_decompressStream(context_.get(), &out, &in);
        if (ZSTD_isError(status) != 0U)
            return fail(ZSTD_getErrorName(status));
        input = input.subspan(in.pos);
        inside_ = status != 0;
        full_ = inside_ && out.pos == out.size;
        if (out.pos != 0)
            return give(out.pos);
    }
    return DecodeStep::NeedInput;
}

}  // namespace marline::http::detail
