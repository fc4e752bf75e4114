// The head of a request or a response, as views, with its framing already decided.
#pragma once

#include <marline/protocols/http/field_view.hpp>
#include <marline/protocols/http/version.hpp>

#include <cstdint>
#include <span>
#include <string_view>

namespace marline::http {

/// How the end of a message's body is found (RFC 9112 §6.3).
enum class BodyFraming : std::uint8_t {
    None,           ///< There is no body.
    ContentLength,  ///< Exactly `contentLength` bytes.
    Chunked,        ///< Chunks up to the last chunk, then trailers.
    UntilClose,     ///< Everything up to the end of the connection (responses only).
    Tunnel,         ///< The connection speaks another protocol from here (101, CONNECT's 2xx).
};

/// The form of a request target (RFC 9112 §3.2).
enum class TargetForm : std::uint8_t {
    Origin,     ///< `/path?query`
    Absolute,   ///< `http://host/path?query`
    Authority,  ///< `host:port`, for CONNECT
    Asterisk,   ///< `*`, for OPTIONS
};

/// What a request's Expect field asks for (RFC 9110 §10.1.1).
enum class Expectation : std::uint8_t {
    None,
    Continue,  ///< The client waits for `100 Continue` before it sends the body.
    Unknown,   ///< Anything else; a server may answer 417.
};

/// The head of a request. All views live until the next call of the parser that gave them; they
/// also point into the caller's input, so the input must stay in place as long.
struct RequestHead {
    std::string_view method;     ///< A token, in the case it was sent.
    std::string_view target;     ///< The request target as sent, without a fragment.
    std::string_view authority;  ///< `host[:port]`: the target's own, else Host's; may be empty.
    std::string_view upgrade;    ///< The last Upgrade field if Connection names it.
    std::span<const FieldView> fields;  ///< All fields in the order they came.
    std::uint64_t contentLength = 0;    ///< Meaningful for BodyFraming::ContentLength.
    Version version = Version::Http11;
    TargetForm form = TargetForm::Origin;
    BodyFraming framing = BodyFraming::None;
    Expectation expectation = Expectation::None;
    bool keepAlive = true;  ///< The client lets the connection live after this message.
};

/// The head of a response; views as in RequestHead.
struct ResponseHead {
    std::string_view phrase;            ///< The reason phrase; may be empty.
    std::string_view upgrade;           ///< The last Upgrade field if Connection names it.
    std::span<const FieldView> fields;  ///< All fields in the order they came.
    std::uint64_t contentLength = 0;    ///< Content-Length if hasContentLength, also for HEAD.
    std::uint16_t code = 0;             ///< 100 to 999.
    Version version = Version::Http11;
    BodyFraming framing = BodyFraming::None;
    bool hasContentLength = false;
    bool keepAlive = true;  ///< The connection may carry another response after this one.
};

}  // namespace marline::http
