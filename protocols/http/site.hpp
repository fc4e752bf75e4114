// Site: a tree of resources, served over HTTP/1.1.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/form.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/protocols/http/session.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http {

/// What a server takes from its clients.
struct SiteOptions {
    /// From the first byte of a request to the end of its head; then 408 and the close. A new
    /// connection must begin its first request in the same time, else it is closed.
    Duration headerTimeout = std::chrono::seconds(10);
    /// In which a body must bring at least one byte; then 408 and the close.
    Duration bodyTimeout = std::chrono::seconds(30);
    /// How long a connection without a request is kept.
    Duration keepAliveTimeout = std::chrono::seconds(60);
    /// How long a client may take nothing of what is there for it; then the connection is aborted,
    /// at the latest after twice the time.
    Duration sendTimeout = std::chrono::seconds(60);
    /// How long a closing connection waits for the client to close as well; then it is aborted.
    Duration closeTimeout = std::chrono::seconds(2);
    /// Bytes of one body; more make a 413.
    std::uint64_t maxBody = std::uint64_t{8} << 20;
    /// The Content-Type of a response with a body whose handler set none; empty means none.
    std::string defaultContentType = "text/html";
    /// Limits of the head and the chunks.
    WireLimits wire = {};
    /// Limits of the forms that are read from Request::content(), and of a query.
    FormLimits form = {};
    /// How sessions are kept.
    SessionOptions sessions = {};
};

/// Serves a tree of resources (Twisted: `Site`): the factory to listen with.
///
///     auto site = makeRef<http::Site>(reactor, makeRef<http::Data>("Hello\n", "text/plain"));
///     reactor.listenTcp(8080, site);
///
/// A client that ends its own stream counts as gone, also when it would still read: it gets what
/// was answered before.
class MARLINE_API Site final : public IProtocolFactory {
public:
    /// `clock` must outlive the site and its connections.
    Site(IReactorTime& clock, Ref<Resource> root, const SiteOptions& options = {})
        : clock_(clock), root_(std::move(root)), options_(options),
          sessions_(clock, options.sessions) {}

    Ref<IProtocol> buildProtocol(const Address& peer) override;

    IReactorTime& clock() const noexcept { return clock_; }
    const SiteOptions& options() const noexcept { return options_; }
    /// The sessions of its visitors, see Request::getSession().
    Sessions& sessions() noexcept { return sessions_; }
    /// The resource that the request's path leads to; empty when there is none. `/` leads to the
    /// root's child with the empty name, and without one to the root itself (unlike Twisted: Z-4).
    Ref<Resource> getResourceFor(Request& request) const;
    /// The same from `resource` on, which stands where the request's prepath() ends (Twisted:
    /// `getChildForRequest`).
    static Ref<Resource> getChildForRequest(Ref<Resource> resource, Request& request);
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, as a Date field says it; made once a second of `now`,
    /// which is what clock().seconds() gave.
    std::string_view date(Duration now);

    /// Internal: a request, and a buffer for a response, that were used before if possible.
    Ref<Request> takeRequest();
    std::string takeBuffer() noexcept;
    /// Internal: gives them back; a request that somebody else keeps is left to him.
    void giveRequest(Ref<Request> request);
    void giveBuffer(std::string buffer);

private:
    ~Site() override = default;

    IReactorTime& clock_;
    Ref<Resource> root_;
    SiteOptions options_;
    Sessions sessions_;
    std::string date_;
    std::int64_t dateSecond_ = -1;
    std::vector<Ref<Request>> requests_;
    std::vector<std::string> buffers_;
};

}  // namespace marline::http
