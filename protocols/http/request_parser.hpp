// The server's half of the HTTP/1 wire engine: bytes in, requests out; no I/O.
#pragma once

#include <marline/deferred/api.hpp>
#include <marline/protocols/http/detail/body_decoder.hpp>
#include <marline/protocols/http/detail/head_block.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/protocols/http/message_head.hpp>
#include <marline/protocols/http/parse_error.hpp>
#include <marline/protocols/http/wire_event.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace marline::http {

/// A strict, incremental parser of HTTP/1.0 and HTTP/1.1 requests (RFC 9110, RFC 9112).
///
/// The caller pulls events; between two events it may stop for as long as it likes, which is all
/// that back-pressure needs:
///
///     void dataReceived(std::span<const std::byte> input) {
///         for (;;) {
///             switch (parser_.next(input)) {
///             case WireEvent::NeedData: return;
///             case WireEvent::Head: begin(parser_.head()); break;
///             case WireEvent::Body: received(parser_.body()); break;
///             case WireEvent::End: finish(); break;
///             case WireEvent::Failed: refuse(parser_.error()); return;
///             case WireEvent::Done: return;
///             case WireEvent::Informational: break;  // never with requests
///             }
///         }
///     }
///
/// Pipelined requests follow each other in the same input. After a request that closes the
/// connection every call gives Done and touches nothing, so that no byte behind it can become a
/// request. A caller that stops early keeps the unread rest of `input` and passes it again.
///
/// What two parsers could read differently is refused. One empty line before a request line is
/// skipped (RFC 9112 §2.2); nothing else is repaired. The events do not depend on how the input
/// is cut into pieces.
///
/// Nothing is allocated per request once the thread is warm. A head that comes in several pieces
/// is collected in a block that is borrowed from the thread and given back with the next event.
/// Belongs to one thread at a time.
class MARLINE_API RequestParser {
public:
    /// Uses kDefaultWireLimits.
    RequestParser() noexcept : RequestParser(kDefaultWireLimits) {}

    /// Keeps a reference to `limits`, which must outlive the parser.
    explicit RequestParser(const WireLimits& limits) noexcept : limits_(&limits) {}
    explicit RequestParser(const WireLimits&&) = delete;

    /// Reads from the front of `input` up to the next event and moves `input` behind what it
    /// read. Never throws for what the input says. Ends the life of the previous event's views.
    WireEvent next(std::span<const std::byte>& input);

    /// The head; from WireEvent::Head up to the next call of next(). At any other time it throws
    /// std::logic_error.
    const RequestHead& head() const;

    /// The piece of body of the last WireEvent::Body: part of the input, not copied.
    std::span<const std::byte> body() const noexcept { return decoder_.piece(); }

    /// The trailers; from WireEvent::End up to the next call of next(), else empty.
    std::span<const FieldView> trailers() const noexcept;

    /// Bounds the body of the request whose head was just given, instead of WireLimits::body.
    /// To be called between WireEvent::Head and the next call of next().
    void limitBody(std::uint64_t bytes) noexcept { decoder_.limit(bytes); }

    /// Says what it means if the connection ends here: Clean, InHead or InBody.
    WireEof eof() const noexcept;

    /// Why the input was refused; ParseReason::None if it was not.
    ParseReason reason() const noexcept { return reason_; }

    /// The refusal as an error object, which names the knob if a limit was crossed.
    ParseError error() const { return ParseError(reason_, *limits_); }

private:
    enum class State : std::uint8_t { Start, AfterCr, Head, HeadGiven, Body, Ended, Done, Failed };

    WireEvent readStart(std::span<const std::byte>& input);
    WireEvent readHead(std::span<const std::byte>& input);
    WireEvent readBody(std::span<const std::byte>& input);
    WireEvent fail(ParseReason reason) noexcept;

    const WireLimits* limits_;
    detail::HeadBlockPtr block_;
    detail::BodyDecoder decoder_;
    State state_ = State::Start;
    ParseReason reason_ = ParseReason::None;
    bool skippedEmptyLine_ = false;
    bool keepAlive_ = true;
};

}  // namespace marline::http
