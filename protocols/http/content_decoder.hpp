// Takes content codings off a body: gzip, deflate, br and zstd, one on top of the other if need be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>

namespace marline::http {

/// A body is not what its Content-Encoding says, ends early, or decodes to more than the limits
/// allow; the message names the coding, or the knob.
class MARLINE_API ContentCodingError : public Error {
public:
    using Error::Error;
};

/// How much a body may decode to, at each of its codings: what is a bomb on the way is one,
/// whatever the last coding makes of it. What crosses a limit is refused before it is given to
/// anybody.
struct DecodeLimits {
    /// Decoded bytes in one body.
    std::uint64_t maxDecodedBytes = std::uint64_t{64} << 20;
    /// Decoded bytes for each byte that came…
    std::uint64_t maxDecodedRatio = 100;
    /// …once there are more than these: a short page of one letter is no attack.
    std::uint64_t ratioFreeBytes = std::uint64_t{1} << 20;
};

/// Codings that one body may have on top of each other.
inline constexpr std::size_t kMaxContentCodings = 5;

/// What one step of a decoder gave.
enum class DecodeStep : std::uint8_t {
    Piece,      ///< Decoded bytes: see piece(). There may be more without more input.
    NeedInput,  ///< All input is consumed, and all that it decodes to was given.
    Failed,     ///< The input is refused: see error(). Final.
};

/// Takes one coding off. Pulled, so that a reader that pauses need not take what a few more bytes
/// of input decode to.
class MARLINE_API ContentDecoder {
public:
    ContentDecoder() = default;
    ContentDecoder(const ContentDecoder&) = delete;
    ContentDecoder& operator=(const ContentDecoder&) = delete;
    virtual ~ContentDecoder();

    /// A decoder for `coding` (RFC 9110 §8.4.1): gzip, x-gzip, deflate (with and without zlib's
    /// wrapping, as servers send both), br, zstd, in either case; null when it is none of these.
    static std::unique_ptr<ContentDecoder> make(std::string_view coding);

    /// Whether make() knows `coding`.
    static bool knows(std::string_view coding) noexcept;

    /// Goes on decoding, and takes from `input` what it consumed.
    virtual DecodeStep next(std::span<const std::byte>& input) = 0;
    /// What the last step gave; lives until the next one.
    std::span<const std::byte> piece() const noexcept { return piece_; }
    /// Whether the body may end here: behind a whole stream, or before its first byte.
    virtual bool complete() const noexcept = 0;
    /// Why the last step failed.
    const std::string& error() const noexcept { return error_; }

protected:
    /// Where a step may write its piece.
    std::span<std::byte> room();
    DecodeStep give(std::size_t bytes) noexcept;
    DecodeStep fail(std::string why);

private:
    std::unique_ptr<std::byte[]> room_;
    std::span<const std::byte> piece_;
    std::string error_;
};

/// Takes several codings off, and keeps the limits.
///
///     ContentDecoding decoding({"gzip"}, limits);
///     while (decoding.next(input) == DecodeStep::Piece) use(decoding.piece());
class MARLINE_API ContentDecoding {
public:
    /// `codings` in the order they are taken off, the reverse of Content-Encoding's. Throws
    /// std::invalid_argument for a coding that ContentDecoder does not know, and for none.
    ContentDecoding(std::span<const std::string> codings, const DecodeLimits& limits);

    /// As ContentDecoder::next().
    DecodeStep next(std::span<const std::byte>& input);
    std::span<const std::byte> piece() const noexcept { return stages_.back().decoder->piece(); }
    bool complete() const noexcept;
    /// Why the last step failed, or why the body may not end here.
    ContentCodingError error() const;

private:
    struct Stage {
        std::string coding;
        std::unique_ptr<ContentDecoder> decoder;
        std::span<const std::byte> input;  // what the stage before gave
        std::uint64_t given = 0;
    };

    bool count(Stage& stage);

    std::vector<Stage> stages_;
    DecodeLimits limits_;
    std::uint64_t taken_ = 0;
    std::string error_;
};

}  // namespace marline::http
