// Response: the head of an answer, and the way to its body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <marline/agent/uri.hpp>
#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/version.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {
namespace detail {
class ResponseState;
}

/// An answer whose head has come (Twisted: `Response`). A handle: one pointer, cheap to copy.
///
/// The body stays in the connection until somebody reads it with deliverBody() or readBody(). When
/// the last handle goes before that, a short rest is read and dropped, so that the connection can
/// be used again, and a longer one closes it.
class MARLINE_API Response {
public:
    /// The status code, 200…999, or 101 when the request offered an upgrade; other informational
    /// answers are not seen here.
    int code() const noexcept;
    /// What the server wrote behind the code; often empty, never to be relied on.
    const std::string& phrase() const noexcept;
    http::Version version() const noexcept;
    /// All fields as they came, in order.
    const http::Headers& headers() const noexcept;
    /// The fields behind the body (RFC 9110 §6.5), once it has ended; most bodies have none.
    const http::Headers& trailers() const noexcept;
    /// Bytes of body to come: 0 when there is none, nothing when only its end will tell (Twisted:
    /// `UNKNOWN_LENGTH`).
    std::optional<std::uint64_t> length() const noexcept;
    /// What was asked for, and how.
    const Uri& uri() const noexcept;
    const std::string& method() const noexcept;
    /// The redirect that led here, null when there was none.
    const Response* previousResponse() const noexcept;
    /// Internal, for agents that make one response out of several requests.
    void setPreviousResponse(Response previous);

    /// Gives the body to `receiver`: makeConnection(), dataReceived()…, then connectionLost() once
    /// with ResponseDone, PotentialDataLoss, or ResponseFailed when it was cut. The transport that
    /// it gets can be paused and aborted, not written to.
    ///
    /// A body that is there already is delivered before this returns. Throws std::logic_error at
    /// the second call.
    void deliverBody(Ref<IProtocol> receiver) const;

    /// Reads what is left of the body when that is little, else closes the connection. Does
    /// nothing when somebody reads it already.
    void discardBody() const;

    /// Closes the connection unless the body is whole; whoever reads it gets ResponseFailed.
    void abort() const;

    /// Gives the connection of a 101 Switching Protocols to `protocol` (RFC 9110 §7.8), for
    /// requests that had an Upgrade field: makeConnection() with the connection itself, then what
    /// the server has said already. It is the protocol's from here on, and counts no more for the
    /// agent's limits and its close(). When it has gone meanwhile, connectionLost() follows before
    /// this returns. A 101 whose Upgrade field names what was not offered has failed before, with
    /// ResponseFailed; which of several offers it names is the caller's to see.
    ///
    /// Until then the server is not listened to; the connection closes with the last handle.
    /// Throws std::logic_error for any other status, and at the second call.
    void switchProtocol(Ref<IProtocol> protocol) const;

    /// Internal: made by a connection.
    explicit Response(Ref<detail::ResponseState> state) noexcept;
    Response(const Response&) noexcept;
    Response(Response&&) noexcept;
    Response& operator=(Response) noexcept;
    ~Response();

private:
    Ref<detail::ResponseState> state_;
};

}  // namespace marline
