// Site: a tree of resources, served over HTTP/1.1.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/http/access_log.hpp>
#include <marline/protocols/http/form.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/protocols/http/session.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/listening_port.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http {

class HttpChannel;

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
    /// Hears of every request that was answered; may be empty.
    Ref<AccessLog> accessLog = {};
    /// Whether the page of a 500 says what failed (Twisted: `displayTracebacks`, Z-9). For
    /// development only.
    bool displayFailures = false;
};

/// What became of the connections at a shutdown.
struct ShutdownReport {
    std::size_t idle = 0;      ///< Had no request, and were closed at once.
    std::size_t finished = 0;  ///< Ended by themselves, with what ran on them, within the grace.
    std::size_t forced = 0;    ///< Were cut when it was over.
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

    /// How many connections there are.
    std::size_t connections() const noexcept { return connections_; }
    /// True from shutdown() on.
    bool closing() const noexcept { return closing_; }
    /// Ends the service in an orderly way: `ports` stop accepting, connections without a request
    /// are closed, the others when their response is out, and after `grace` those that are left are
    /// cut. Fires when the last one has gone; new connections are closed at once from now on. A
    /// second call shortens the grace if it can, and its Deferred fires with the same report.
    Deferred<ShutdownReport> shutdown(Duration grace,
                                      const std::vector<Ref<IListeningPort>>& ports = {});

    /// Internal: the connections tell that they begin and end.
    void connectionMade(HttpChannel& channel) noexcept;
    void connectionEnded(HttpChannel& channel);
    /// Internal: a request, and a buffer for a response, that were used before if possible.
    Ref<Request> takeRequest();
    std::string takeBuffer() noexcept;
    /// Internal: gives them back; a request that somebody else keeps is left to him.
    void giveRequest(Ref<Request> request);
    void giveBuffer(std::string buffer);

private:
    ~Site() override;

    void force();

    IReactorTime& clock_;
    Ref<Resource> root_;
    SiteOptions options_;
    Sessions sessions_;
    std::string date_;
    std::int64_t dateSecond_ = -1;
    std::vector<Ref<Request>> requests_;
    std::vector<std::string> buffers_;
    HttpChannel* first_ = nullptr;  // of the connections
    std::size_t connections_ = 0;
    bool closing_ = false;
    ShutdownReport report_;
    DelayedCall forcing_;
    std::vector<DeferredSource<ShutdownReport>> closed_;
};

}  // namespace marline::http
