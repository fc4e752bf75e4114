// The client's half of the HTTP/1 wire engine: bytes in, responses out; no I/O.
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
#include <string_view>

namespace marline::http {

/// A strict, incremental parser of HTTP/1.0 and HTTP/1.1 responses (RFC 9110, RFC 9112).
///
/// It is pulled like RequestParser, and must be told before each response which request the
/// response is for, because HEAD, CONNECT and an offered upgrade change how it is framed:
///
///     parser.expectResponse("GET");
///     // … next(input) until WireEvent::End …
///     parser.expectResponse("HEAD");   // the next one on the same connection
///
/// Bytes that come when no response is due are refused: a pooled connection that receives any is
/// not to be trusted (RFC 9112 §9.2).
///
/// When the connection ends, eof() tells a clean end from a truncated one. Memory, threads and
/// the life of views are as with RequestParser.
class MARLINE_API ResponseParser {
public:
    /// Uses kDefaultWireLimits.
    ResponseParser() noexcept : ResponseParser(kDefaultWireLimits) {}

    /// Keeps a reference to `limits`, which must outlive the parser.
    explicit ResponseParser(const WireLimits& limits) noexcept : limits_(&limits) {}
    explicit ResponseParser(const WireLimits&&) = delete;

    /// Announces that a response to a request with `method` is due. `upgradeOffered` says that
    /// the request had an Upgrade field, so that a 101 is no surprise. Throws std::logic_error
    /// if the response before is not complete or if the parser is done or failed.
    void expectResponse(std::string_view method, bool upgradeOffered = false);

    /// Reads from the front of `input` up to the next event and moves `input` behind what it
    /// read. Never throws for what the input says. Ends the life of the previous event's views.
    WireEvent next(std::span<const std::byte>& input);

    /// The head; from WireEvent::Head or WireEvent::Informational up to the next call of next().
    /// At any other time it throws std::logic_error.
    const ResponseHead& head() const;

    /// The piece of body of the last WireEvent::Body: part of the input, not copied.
    std::span<const std::byte> body() const noexcept { return decoder_.piece(); }

    /// The trailers; from WireEvent::End up to the next call of next(), else empty.
    std::span<const FieldView> trailers() const noexcept;

    /// Bounds the body of the response whose head was just given, instead of WireLimits::body.
    /// To be called between WireEvent::Head and the next call of next().
    void limitBody(std::uint64_t bytes) noexcept { decoder_.limit(bytes); }

    /// Says what it means if the connection ends here.
    WireEof eof() const noexcept;

    /// Why the input was refused; ParseReason::None if it was not.
    ParseReason reason() const noexcept { return reason_; }

    /// The refusal as an error object, which names the knob if a limit was crossed.
    ParseError error() const { return ParseError(reason_, *limits_); }

private:
    enum class State : std::uint8_t {
        Idle,
        Start,
        Head,
        InformationalGiven,
        HeadGiven,
        Body,
        Ended,
        Done,
        Failed
    };

    WireEvent readHead(std::span<const std::byte>& input);
    WireEvent readBody(std::span<const std::byte>& input);
    WireEvent giveHead();
    WireEvent fail(ParseReason reason) noexcept;

    const WireLimits* limits_;
    detail::HeadBlockPtr block_;
    detail::BodyDecoder decoder_;
    State state_ = State::Idle;
    ParseReason reason_ = ParseReason::None;
    bool toHead_ = false;
    bool toConnect_ = false;
    bool upgradeOffered_ = false;
    bool keepAlive_ = true;
    std::uint32_t informationalSeen_ = 0;
};

}  // namespace marline::http
