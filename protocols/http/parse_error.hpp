// Why a message was refused, and what a server should answer.
#pragma once

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/protocols/http/limits.hpp>

#include <cstdint>
#include <string_view>

namespace marline::http {

/// Why a parser refused its input. The order follows a message from its first byte to its last.
enum class ParseReason : std::uint8_t {
    None,
    // The start line.
    ExtraEmptyLine,      ///< More than one empty line before a request line.
    RequestLineTooLong,  ///< WireLimits::requestLine was crossed by a request.
    BadMethod,           ///< The method is empty or not a token.
    BadTarget,           ///< The request target is empty or has a byte that no target may have.
    BadTargetForm,       ///< The method does not take a target of this form (RFC 9112 §3.2).
    BadVersion,          ///< No version (HTTP/0.9) or something else in its place.
    UnsupportedVersion,  ///< A well-formed version other than HTTP/1.0 and HTTP/1.1.
    StatusLineTooLong,   ///< WireLimits::requestLine was crossed by a response.
    BadStatusLine,       ///< Not `HTTP/1.x NNN phrase`.
    // Field lines.
    HeaderBlockTooLong,   ///< WireLimits::headerBlock was crossed.
    TooManyHeaderFields,  ///< WireLimits::headerFields was crossed.
    BareCr,               ///< A carriage return that no line feed follows.
    BareLf,               ///< A line feed that follows no carriage return.
    ObsoleteFold,         ///< A line that begins with white space (RFC 9112 §5.2).
    MissingColon,         ///< A field line without a colon.
    EmptyFieldName,       ///< A field line that begins with its colon.
    SpaceBeforeColon,     ///< White space between field name and colon (RFC 9112 §5.1).
    BadFieldName,         ///< A field name with a byte that is not of a token.
    BadFieldValue,        ///< A field value with a control character.
    // What the fields say together.
    MissingHost,                        ///< HTTP/1.1 without Host.
    RepeatedHost,                       ///< More than one Host.
    BadHost,                            ///< Host is not `host[:port]`.
    BadContentLength,                   ///< Content-Length is not one number.
    RepeatedContentLength,              ///< More than one Content-Length, even if equal.
    RepeatedTransferEncoding,           ///< More than one Transfer-Encoding.
    UnsupportedTransferEncoding,        ///< Transfer-Encoding other than exactly `chunked`.
    TransferEncodingInHttp10,           ///< Transfer-Encoding in an HTTP/1.0 message.
    ContentLengthWithTransferEncoding,  ///< Both at once.
    ConnectWithBody,                    ///< A CONNECT request that announces a body.
    // The body.
    BodyTooLarge,            ///< WireLimits::body (or limitBody()) was crossed.
    BadChunkSize,            ///< A chunk size that is not plain hexadecimal, or does not fit.
    BadChunkExtension,       ///< A chunk extension outside the grammar of RFC 9112 §7.1.1.
    ChunkLineTooLong,        ///< WireLimits::chunkLine was crossed.
    ChunkExtensionsTooLong,  ///< WireLimits::chunkExtensions was crossed.
    MissingChunkEnd,         ///< A chunk's data is not followed by CRLF.
    TrailerBlockTooLong,     ///< WireLimits::trailerBlock was crossed.
    TooManyTrailerFields,    ///< WireLimits::trailerFields was crossed.
    ForbiddenTrailer,        ///< A trailer that would change framing or routing.
    // Responses only.
    UnsolicitedResponse,    ///< Bytes on a connection where no response is due.
    UnexpectedUpgrade,      ///< 101 although no upgrade was offered.
    InformationalWithBody,  ///< A 1xx head that announces a body.
    TooManyInformational,   ///< WireLimits::informationalHeads was crossed.
};

/// The number of enumerators of ParseReason.
inline constexpr std::size_t kParseReasonCount =
    static_cast<std::size_t>(ParseReason::TooManyInformational) + 1;

/// The status code with which a server answers a request refused for `reason`: 400, 413, 414, 431,
/// 501 or 505. 502, for a gateway, if only a response can be refused for it; 0 for None.
MARLINE_API int statusFor(ParseReason reason) noexcept;

/// A message that was refused: what is wrong with it in words, and with which code to answer.
///
/// Parsers do not throw it; they keep a ParseReason and make this when asked.
class MARLINE_API ParseError : public Error {
public:
    /// Words the error; when the reason is a limit, the text has the knob's name and its value
    /// in `limits`.
    explicit ParseError(ParseReason reason, const WireLimits& limits = kDefaultWireLimits);

    /// Why the message was refused.
    ParseReason reason() const noexcept { return reason_; }

    /// The status code for a server's answer: statusFor(reason()).
    int status() const noexcept { return statusFor(reason_); }

private:
    ParseReason reason_;
};

}  // namespace marline::http
