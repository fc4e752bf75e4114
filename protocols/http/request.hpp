// Request: one request that a server handles, and the response to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/http_date.hpp>
#include <marline/protocols/http/message_head.hpp>
#include <marline/protocols/http/serializer.hpp>
#include <marline/protocols/http/version.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http {

class Args;
class BodySink;
class ContentEncodings;
class Form;
class HttpChannel;
class Session;
class Site;
struct BodyCoding;
struct Cookie;

/// What Request::setETag() and setLastModified() find (Twisted: `http.CACHED`).
enum class Cached : std::uint8_t {
    No,   ///< Answer as usual.
    Yes,  ///< The client has it, or must not have it: the code is set, and the body is to be empty.
};

/// A request with its whole body, and the way to answer it (Twisted: `server.Request`).
///
/// Handlers get it as `Request&` for the length of their call; who answers later keeps a
/// `Ref<Request>`, which keeps everything below alive. Once the client has gone, which
/// notifyFinish() tells, writing and finishing do nothing. Reactor thread only.
///
///     Rendered renderGet(Request& request) override {
///         request.setHeader("Content-Type", "text/plain");
///         return std::string("hello\n");
///     }
class MARLINE_API Request final : public RefCounted, public IConsumer {
public:
    // The request.

    /// As sent: `GET`.
    const std::string& method() const noexcept { return method_; }
    /// The target as sent: `/a%20b?c=d`, or absolute: `http://host/a`, or `*`.
    const std::string& uri() const noexcept { return uri_; }
    /// The path of the target as sent, without the query: `/a%20b`. Begins with `/`, except for
    /// `*` and CONNECT.
    std::string_view path() const noexcept;
    /// What stands behind the `?`, as sent; empty without one.
    std::string_view query() const noexcept;
    /// The path, percent-decoded bit by bit: `a b`. Never empty: `/` gives one empty segment. A
    /// segment may hold anything, also `..`, `/` and NUL.
    const std::vector<std::string>& segments();
    /// The segments that led to the resource, and those below it (Twisted: `prepath`, `postpath`).
    std::span<const std::string> prepath();
    std::span<const std::string> postpath();
    /// The part of path() below the resource, as sent: `/b/c` or nothing.
    std::string_view pathBelow() const noexcept;
    /// What stood in the path where the route has `{name}`, decoded; empty without such a one. See
    /// Routes.
    std::string_view pathParameter(std::string_view name) const noexcept;
    Version version() const noexcept { return version_; }
    /// `HTTP/1.1` or `HTTP/1.0` (Twisted: `clientproto`).
    std::string_view clientproto() const noexcept { return versionText(version_); }
    /// All fields, in the order they came; made when first asked for.
    const Headers& requestHeaders();
    /// The last value of a field (Twisted: Q-3), without making requestHeaders(). The view lives
    /// until the handler returns.
    std::optional<std::string_view> getHeader(std::string_view name) const noexcept;
    /// The body, whole; empty when the resource has a bodySink().
    const std::string& content() const noexcept { return content_; }
    /// What Resource::bodySink() gave; empty without.
    Ref<BodySink> bodySink() const noexcept;
    /// Reads no more of the body until resumeBody(), for a BodySink whose own end is slow; the
    /// client is not blamed for the time. Nothing once the body is whole. While it lasts no timeout
    /// holds, and that the client has gone is not always seen: who pauses must resume, or abort().
    void pauseBody();
    void resumeBody();
    /// The body as multipart/form-data, wherever it went. Throws HttpError when it is none, or is
    /// beyond SiteOptions::form; a handler may leave that to its caller.
    const Form& form();
    /// The values of the query, and of the form that a POST brings, which take the place of those
    /// of the same names (Twisted: Q-1). Throws HttpError as form() does.
    const Args& args();
    /// The value of a cookie, as sent; of several the first one. The view lives as getHeader()'s.
    std::optional<std::string_view> getCookie(std::string_view name) const noexcept;
    /// The browser's session, a new one if need be, whose cookie is set then; the same at each
    /// call. To be called before anything is written. Throws HttpError(503) when there are too
    /// many.
    Ref<Session> getSession();
    /// The client's end of the connection, and this one, which is unknown when that is gone.
    const Address& getPeer() const noexcept;
    const Address& getHost() const noexcept;
    /// `host[:port]` that was asked for, as it was sent: the target's own, else the Host field (RFC
    /// 9112 §3.2.2); empty without one. The view lives until the handler returns.
    std::string_view authority() const noexcept;
    /// The name of the host that was asked for, in lower case and without the port; empty without
    /// one (Twisted: the same).
    std::string getRequestHostname() const;
    /// Who asks, as a resource in front of the handler has found out; empty when nobody did
    /// (Twisted: `getUser`).
    const std::string& getUser() const noexcept;
    void setUser(std::string user);
    /// True over TLS.
    bool isSecure() const noexcept;
    /// Who serves it, and the clock of that.
    Site& site() const noexcept;
    IReactorTime& clock() const noexcept;

    // The response.

    /// 200 unless set; has no effect once something was written. An empty `phrase` means the usual
    /// one. Throws std::invalid_argument outside of 200 to 999 or for a phrase that cannot be sent.
    void setResponseCode(int code, std::string_view phrase = {});
    int responseCode() const noexcept { return code_; }
    /// The fields of the response. Date, Connection and those that frame it are added; a Date or
    /// Connection of the handler's own is kept, and a Content-Length announces the body that
    /// write() will bring.
    Headers& responseHeaders() noexcept { return responseHeaders_; }
    void setHeader(std::string_view name, std::string_view value) {
        responseHeaders_.setRawHeaders(name, {value});
    }
    /// Adds a Set-Cookie field. Throws as formatCookie() does.
    void addCookie(const Cookie& cookie);
    /// Sets the entity tag, with its quotes, and looks at If-Match and If-None-Match: a 412 or a
    /// 304 may come of it (Twisted: `setETag`). Throws std::invalid_argument for what is no tag.
    Cached setETag(std::string_view tag);
    /// Sets when the content changed, unless a later time was set, and looks at
    /// If-Unmodified-Since and If-Modified-Since, where no tags take precedence (Twisted:
    /// `setLastModified`).
    Cached setLastModified(HttpTime when);
    /// Makes the response a 302 to `url` (Twisted: `redirect`); the handler still finishes it.
    void redirect(std::string_view url);

    /// Sends a piece of the body; the head goes out with the first one, also an empty one. Without
    /// a Content-Length among responseHeaders() the body is sent in chunks, or up to the close in
    /// HTTP/1.0. Throws std::logic_error after finish(), and std::invalid_argument, with nothing
    /// sent, for a head that cannot be.
    void write(std::string_view data);
    /// Ends the response. Throws std::logic_error the second time.
    void finish();
    /// Sends `body` as the whole response, with its length.
    void finish(std::string_view body);
    /// True once finish() was called, or the client has gone.
    bool finished() const noexcept { return state_ >= State::Finished; }
    /// Fires when the response has been handed to the transport, fails with the connection's error
    /// when the client goes before that (Twisted: Q-12), and with the HttpError of a body that was
    /// refused. A new Deferred at each call.
    Deferred<> notifyFinish();
    /// Ends the connection at once, with a reset, whatever was sent (Twisted: `loseConnection`).
    void abort();

    /// Bytes of the body that were sent so far, as they are on the wire but for the chunks' heads.
    std::uint64_t sentBytes() const noexcept { return sentBytes_; }
    /// When it came, on the clock().
    Duration receivedAt() const noexcept { return receivedAt_; }
    /// Lets the body be encoded as the client accepts it: see EncodingResourceWrapper.
    void offerEncodings(Ref<ContentEncodings> encodings);

    /// Paces a long response by the connection: see ITransport. To be unregistered before
    /// finish(). Throws std::logic_error while another one is registered.
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;

    /// Internal: made by a Site, for one request after the other.
    Request();
    /// Internal, for File: has the transport send a part of a file as the next piece of the body,
    /// and tells when that is done. None when it must be written instead: it is to be encoded, its
    /// length was not announced, or the transport sends no files.
    std::optional<Deferred<>> sendFile(int fd, std::uint64_t offset, std::uint64_t count);
    /// Internal, for File: what a body of that type is encoded to, if it is; and that it is by now.
    std::optional<BodyCoding> codingOf(std::string_view type, std::uint64_t whole) const;
    void bodyHasCoding(std::string_view coding);

private:
    friend class HttpChannel;
    friend class Routes;
    friend class Site;
    enum class State : std::uint8_t { Waiting, Writing, Finished, Gone };
    struct Extras;

    ~Request() override;

    Extras& extras();
    // For the channel, the site and the routes.
    void addPathParameter(std::string_view name, std::string value);
    void begin(HttpChannel& channel, const RequestHead& head);
    void keepFields();
    void clientGone(const Failure& why);
    void recycle();
    bool headSent() const noexcept { return state_ != State::Waiting; }
    void forgetResponse();

    Cached cached();
    bool mayEncode() const noexcept;
    /// All values of a field that is a list, as one; `joined` holds them when they are several.
    std::optional<std::string_view> getList(std::string_view name, std::string& joined) const;
    void beginEncoding(std::optional<std::uint64_t> whole);
    void putEncoded(std::string_view data, bool whole, bool last);
    bool bodyAllowed() const noexcept;
    bool bodyTyped(BodyLength length) const noexcept;
    BodyLength frame(std::optional<std::uint64_t> whole, std::optional<std::uint64_t> announced);
    void appendHead(std::string& out, std::optional<std::uint64_t> whole);
    std::string_view withinLength(std::string_view data);
    void put(std::string_view data, std::optional<std::uint64_t> whole, bool last);
    void putPlain(std::string_view data, std::optional<std::uint64_t> whole, bool last);
    void refuseFinished(const char* call) const;
    void end();

    Ref<HttpChannel> channel_;
    std::string method_;
    std::string uri_;
    std::string content_;
    std::span<const FieldView> fields_;  // of the parser, until keepFields()
    Headers requestHeaders_;
    Headers responseHeaders_;
    std::string phrase_;
    std::vector<std::string> segments_;
    std::unique_ptr<Extras> extras_;  // what most requests have none of
    std::vector<DeferredSource<>> notified_;
    std::optional<Failure> gone_;
    std::uint64_t remaining_ = 0;  // of an announced length
    std::uint64_t sentBytes_ = 0;
    Duration receivedAt_{};
    std::size_t consumedBytes_ = 0;  // of path(), by the way to the resource
    std::size_t consumedSegments_ = 0;
    int code_ = 200;
    Version version_ = Version::Http11;
    State state_ = State::Finished;
    bool fieldsKept_ = false;
    bool chunked_ = false;
    bool lengthKnown_ = false;
    bool producing_ = false;
};

}  // namespace marline::http
