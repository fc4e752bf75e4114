// Internal: takes the framing off a body: a known length, chunks with trailers, until close.
#pragma once

#include <marline/deferred/api.hpp>
#include <marline/protocols/http/detail/head_block.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/protocols/http/parse_error.hpp>
#include <marline/protocols/http/wire_event.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace marline::http::detail {

/// The body of one message after the other, piece by piece, without a copy.
class MARLINE_API BodyDecoder {
public:
    /// Starts a body; `length` counts for BodyFraming::ContentLength.
    void begin(BodyFraming framing, std::uint64_t length, const WireLimits& limits) noexcept;

    /// Bounds the body that was begun.
    void limit(std::uint64_t bytes) noexcept { limit_ = bytes; }

    /// Gives NeedData, Body, End, Failed, or Done for a tunnel. Trailers, if any, are in `block` at
    /// End, which is null otherwise.
    WireEvent next(std::span<const std::byte>& input, HeadBlockPtr& block, const WireLimits& limits,
                   ParseReason& reason);

    /// The piece of the last Body event.
    std::span<const std::byte> piece() const noexcept { return piece_; }

    /// Whether nothing of this body is missing.
    bool ended() const noexcept { return state_ == State::Ended || state_ == State::Tunnel; }

    /// Whether the close is the regular end of this body.
    bool untilClose() const noexcept { return state_ == State::UntilClose; }

private:
    /// Where in the body the next byte stands. The chunk line's states follow RFC 9112 §7.1.
    enum class State : std::uint8_t {
        Ended,
        Length,
        UntilClose,
        Tunnel,
        SizeFirst,
        Size,
        BeforeExtension,
        BeforeName,
        Name,
        BehindName,
        BeforeValue,
        Value,
        Quoted,
        QuotedPair,
        BehindQuoted,
        SizeLf,
        ChunkData,
        ChunkCr,
        ChunkLf,
        TrailerFirst,
        TrailerLf,
        Trailers,
    };

    WireEvent readLength(std::span<const std::byte>& input, ParseReason& reason) noexcept;
    WireEvent readUntilClose(std::span<const std::byte>& input, ParseReason& reason) noexcept;
    WireEvent readChunked(std::span<const std::byte>& input, HeadBlockPtr& block,
                          const WireLimits& limits, ParseReason& reason);
    WireEvent readTrailers(std::span<const std::byte>& input, HeadBlockPtr& block,
                           const WireLimits& limits, ParseReason& reason);
    WireEvent take(std::span<const std::byte>& input, std::uint64_t most) noexcept;
    ParseReason frameByte(char byte, const WireLimits& limits) noexcept;
    ParseReason chunkLineByte(char byte, const WireLimits& limits) noexcept;
    ParseReason sizeByte(char byte) noexcept;
    ParseReason extensionByte(char byte) noexcept;
    ParseReason beginChunk() noexcept;
    ParseReason enter(State state) noexcept;

    std::span<const std::byte> piece_;
    std::uint64_t remaining_ = 0;  ///< Of the body, or of the chunk.
    std::uint64_t limit_ = 0;      ///< Bytes of body that may still come.
    std::uint32_t lineBytes_ = 0;
    std::uint32_t extensionBytes_ = 0;
    State state_ = State::Ended;
};

}  // namespace marline::http::detail
