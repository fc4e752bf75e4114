// Messages in, bytes out: heads, chunks and trailers appended to a string; no I/O.
#pragma once

#include <marline/deferred/api.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/version.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace marline::http {

/// How the body of a message that is being sent will be delimited; the serializer writes the
/// framing field that goes with it.
class BodyLength {
public:
    enum class Kind : std::uint8_t { None, Known, Chunked, UntilClose };

    /// No body and no framing field.
    static constexpr BodyLength none() noexcept { return {Kind::None, 0}; }
    /// `Content-Length: bytes`.
    static constexpr BodyLength known(std::uint64_t bytes) noexcept { return {Kind::Known, bytes}; }
    /// `Transfer-Encoding: chunked`; HTTP/1.1 only.
    static constexpr BodyLength chunked() noexcept { return {Kind::Chunked, 0}; }
    /// The close delimits it: no framing field; responses only.
    static constexpr BodyLength untilClose() noexcept { return {Kind::UntilClose, 0}; }

    constexpr Kind kind() const noexcept { return kind_; }
    /// The number of bytes of a known length.
    constexpr std::uint64_t bytes() const noexcept { return bytes_; }

private:
    constexpr BodyLength(Kind kind, std::uint64_t bytes) noexcept : bytes_(bytes), kind_(kind) {}

    std::uint64_t bytes_;
    Kind kind_;
};

/// All functions below append to `out`. They throw std::invalid_argument, naming the culprit and
/// leaving `out` as it was, for anything that would not be read back as the same message: a
/// method that is not a token, a target with a blank or a control character, a phrase or field
/// with CR, LF, NUL or another control character, or framing that contradicts itself.

/// Appends a request head: request line, framing field, `fields` in order, empty line. `fields`
/// must have neither Content-Length nor Transfer-Encoding, which come from `length`, and exactly
/// one Host if `version` is HTTP/1.1 (Twisted: BadHeaders). UntilClose is refused.
MARLINE_API void appendRequestHead(std::string& out, std::string_view method,
                                   std::string_view target, const Headers& fields,
                                   BodyLength length, Version version = Version::Http11);

/// Appends a response head: status line, framing field, `fields` in order, empty line. `code` is
/// 100 to 999; an empty `phrase` stays empty (see statusPhrase()). 1xx and 204 take no framing
/// but none() and untilClose(); chunked() needs HTTP/1.1.
MARLINE_API void appendResponseHead(std::string& out, int code, std::string_view phrase,
                                    const Headers& fields, BodyLength length,
                                    Version version = Version::Http11);

/// Appends one field line; the building block for callers that keep no Headers.
MARLINE_API void appendField(std::string& out, std::string_view name, std::string_view value);

/// Appends the size line of a chunk of `bytes` bytes; the data and kChunkEnd follow. Throws
/// std::invalid_argument for 0, which would end the body.
MARLINE_API void appendChunkHead(std::string& out, std::uint64_t bytes);

/// What stands behind the data of every chunk.
inline constexpr std::string_view kChunkEnd = "\r\n";

/// Appends one whole chunk; nothing if `data` is empty, since an empty chunk would end the body.
MARLINE_API void appendChunk(std::string& out, std::span<const std::byte> data);

/// Appends the last chunk, the trailers and the empty line that ends a chunked body. Fields that
/// frame or route a message are refused (RFC 9110 §6.5.1).
MARLINE_API void appendLastChunk(std::string& out, const Headers& trailers = {});

}  // namespace marline::http
