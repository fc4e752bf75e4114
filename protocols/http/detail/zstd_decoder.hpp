// Internal: not installed. zstd by libzstd.
#pragma once

#include <marline/protocols/http/content_decoder.hpp>

#include <zstd.h>

#include <memory>

namespace marline::http::detail {

/// Zstandard, any number of frames (RFC 8878 §3), with windows of at most 8 MiB (RFC 9659 §3).
class ZstdDecoder final : public ContentDecoder {
public:
    DecodeStep next(std::span<const std::byte>& input) override;
    bool complete() const noexcept override { return !inside_; }

private:
    struct Free {
        void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
    };

    std::unique_ptr<ZSTD_DCtx, Free> context_;
    bool inside_ = false;  // a frame has begun and not ended
    bool full_ = false;    // the last piece filled the room: there may be more of it
};

}  // namespace marline::http::detail
