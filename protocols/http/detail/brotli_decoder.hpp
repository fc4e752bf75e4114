// Internal: not installed. br by brotli.
#pragma once

#include <marline/protocols/http/content_decoder.hpp>

#include <brotli/decode.h>

#include <memory>

namespace marline::http::detail {

/// Brotli (RFC 7932), without its large windows: 16 MiB at most.
class BrotliDecoder final : public ContentDecoder {
public:
    DecodeStep next(std::span<const std::byte>& input) override;
    bool complete() const noexcept override {
        return !state_ || BrotliDecoderIsFinished(state_.get()) != BROTLI_FALSE;
    }

private:
    struct Free {
        void operator()(BrotliDecoderState* state) const noexcept {
            BrotliDecoderDestroyInstance(state);
        }
    };

    std::unique_ptr<BrotliDecoderState, Free> state_;
};

}  // namespace marline::http::detail
