// Request: one request that a server handles, and the response to it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/message_head.hpp>
#include <marline/protocols/http/version.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::http {

class HttpChannel;

/// A request with its whole body, and the way to answer it (Twisted: `server.Request`).
///
/// Handlers get it as `Request&` for the length of their call; who answers later keeps a
/// `Ref<Request>`. When the client has gone, writing does nothing.
class MARLINE_API Request final : public RefCounted {
public:
    /// As sent: `GET`.
    const std::string& method() const noexcept { return method_; }
    /// The target as sent: `/a%20b?c=d`.
    const std::string& uri() const noexcept { return uri_; }
    /// Its path, percent-decoded bit by bit: `a b`. Never empty: `/` gives one empty segment.
    const std::vector<std::string>& segments() const noexcept { return segments_; }
    /// What stands behind the `?`, as sent.
    std::string_view query() const noexcept;
    Version version() const noexcept { return version_; }
    const Headers& requestHeaders() const noexcept { return requestHeaders_; }
    /// The body, whole.
    const std::string& content() const noexcept { return content_; }
    const Address& getPeer() const noexcept { return peer_; }

    /// 200 unless set; has no effect once something was written.
    void setResponseCode(int code) { code_ = code; }
    /// The fields of the response besides those that frame it.
    Headers& responseHeaders() noexcept { return responseHeaders_; }
    void setHeader(std::string_view name, std::string_view value) {
        responseHeaders_.setRawHeaders(name, {value});
    }

    /// Sends a piece of the body; the head goes out with the first one. Without a Content-Length
    /// among responseHeaders() the body is sent in chunks, or up to the close in HTTP/1.0.
    void write(std::string_view data);
    /// Ends the response. Throws std::logic_error the second time.
    void finish();
    /// Sends `body` as the whole response, with its length.
    void finish(std::string_view body);
    /// True once finish() was called, or the client has gone.
    bool finished() const noexcept { return state_ == State::Finished; }
    /// Fires when the response has been handed to the transport, fails with the connection's error
    /// when the client goes before that (Twisted: `notifyFinish`).
    Deferred<> notifyFinish();

    /// Internal: made by the channel.
    Request(HttpChannel& channel, const RequestHead& head, const Address& peer);

private:
    friend class HttpChannel;
    enum class State : std::uint8_t { Waiting, Writing, Finished };

    ~Request() override = default;

    void writeHead(bool wholeBody, std::uint64_t bytes);
    bool bodyAllowed() const noexcept;
    void clientGone(const Failure& why);
    void end();

    HttpChannel* channel_;
    std::string method_;
    std::string uri_;
    std::vector<std::string> segments_;
    Headers requestHeaders_;
    std::string content_;
    Headers responseHeaders_;
    Address peer_;
    std::vector<DeferredSource<>> notified_;
    int code_ = 200;
    Version version_;
    State state_ = State::Waiting;
    bool chunked_ = false;
};

}  // namespace marline::http
