// Internal: takes the framing off a body: a known length, chunks with trailers, until close.
#pragma once

#include <marline/protocols/http/detail/head_block.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/protocols/http/parse_error.hpp>
#include <marline/protocols/http/wire_event.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace marline::http::detail {

/// The body of one message after the other, piece by piece, without a copy.
class BodyDecoder {
public:
    /// Starts a body; `length` counts for BodyFraming::ContentLength.
    void begin(BodyFraming framing, std::uint64_t length, const WireLimits& limits) noexcept;

    /// Bounds the body that was begun.
    void limit(std::uint64_t bytes) noexcept { limit_ = bytes; }

    /// Gives NeedData, Body, End or Failed. Trailers, if any, are in `block` at End, which is
    /// null otherwise.
    WireEvent next(std::span<const std::byte>& input, HeadBlockPtr& block,
                   const WireLimits& limits, ParseReason& reason);

    /// The piece of the last Body event.
    std::span<const std::byte> piece() const noexcept { return piece_; }

    /// Whether the close is the regular end of this body.
    bool untilClose() const noexcept { return state_ == State::UntilClose; }

private:
    /// Where in the body the next byte stands. The chunk line's states follow RFC 9112 §7.1.
    enum class State : std::uint8_t {
        Ended, Length, UntilClose,
        SizeFirst, Size, ExtensionBws, ExtensionName0, ExtensionName, NameBws, ExtensionValue0,
        ExtensionValue, Quoted, QuotedPair, QuotedEnd, SizeLf,
        ChunkData, ChunkCr, ChunkLf, TrailerFirst, TrailerLf, Trailers,
    };

    WireEvent take(std::span<const std::byte>& input, std::uint64_t most) noexcept;
    ParseReason readChunkLine(std::span<const std::byte>& input, const WireLimits& limits) noexcept;
    ParseReason sizeByte(unsigned char byte) noexcept;
    ParseReason extensionByte(unsigned char byte) noexcept;
    ParseReason beginChunk() noexcept;
    WireEvent readTrailers(std::span<const std::byte>& input, HeadBlockPtr& block,
                           const WireLimits& limits, ParseReason& reason);

    std::span<const std::byte> piece_;
    std::uint64_t remaining_ = 0;  ///< Of the body, or of the chunk.
    std::uint64_t limit_ = 0;      ///< Bytes of body that may still come.
    std::uint32_t lineBytes_ = 0;
    std::uint32_t extensionBytes_ = 0;
    State state_ = State::Ended;
};

}  // namespace marline::http::detail
