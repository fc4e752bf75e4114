// What the HTTP/1 wire engine accepts at most; each limit is a knob that errors name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace marline::http {

/// How much of each part of a message a parser takes before it refuses the message.
///
/// A parser keeps a reference: one object serves all connections of a server or client and must
/// outlive their parsers. Crossing a limit gives a ParseError whose text names the knob.
struct WireLimits {
    /// Bytes of the request line, or of the status line of a response, without its CRLF.
    /// Beyond it: 414.
    std::size_t requestLine = 8 * 1024;

    /// Bytes of all field lines of one head, their CRLFs included, the closing empty line not.
    /// Beyond it: 431.
    std::size_t headerBlock = 64 * 1024;

    /// Field lines in one head. Beyond it: 431.
    std::size_t headerFields = 100;

    /// Bytes of body in one message after the chunked coding is taken off. Unlimited by default,
    /// because a server knows it per resource: see RequestParser::limitBody(). Beyond it: 413.
    std::uint64_t body = std::numeric_limits<std::uint64_t>::max();

    /// Bytes of one chunk-size line, extensions included, without its CRLF. Beyond it: 400.
    std::size_t chunkLine = 1024;

    /// Bytes of chunk extensions in one whole body, so that tiny chunks with long extensions are
    /// no way to keep a receiver busy. Beyond it: 413.
    std::size_t chunkExtensions = 16 * 1024;

    /// Bytes of all trailer lines, their CRLFs included, the closing empty line not. Beyond it:
    /// 431.
    std::size_t trailerBlock = 8 * 1024;

    /// Trailer lines in one message. Beyond it: 431.
    std::size_t trailerFields = 32;

    /// Informational (1xx) heads before one final response.
    std::size_t informationalHeads = 16;
};

/// The limits of a parser that was given none.
inline constexpr WireLimits kDefaultWireLimits{};

}  // namespace marline::http
