// Site: a tree of resources, served over HTTP/1.1.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http {

/// What a server takes from its clients.
struct SiteOptions {
    /// From the first byte of a request to the end of its head; then 408 and the close.
    Duration headerTimeout = std::chrono::seconds(10);
    /// In which a body must bring at least one byte; then 408 and the close.
    Duration bodyTimeout = std::chrono::seconds(30);
    /// How long a connection without a request is kept.
    Duration keepAliveTimeout = std::chrono::seconds(60);
    /// Bytes of one body; more make a 413.
    std::uint64_t maxBody = std::uint64_t{8} << 20;
    /// Limits of the head and the chunks.
    WireLimits wire = {};
};

/// Serves a tree of resources (Twisted: `Site`): the factory to listen with.
///
///     auto site = makeRef<http::Site>(reactor, makeRef<http::Data>("Hello\n", "text/plain"));
///     reactor.listenTcp(8080, site);
class MARLINE_API Site final : public IProtocolFactory {
public:
    /// `clock` must outlive the site and its connections.
    Site(IReactorTime& clock, Ref<Resource> root, SiteOptions options = {})
        : clock_(clock), root_(std::move(root)), options_(std::move(options)) {}

    Ref<IProtocol> buildProtocol(const Address& peer) override;

    IReactorTime& clock() const noexcept { return clock_; }
    const SiteOptions& options() const noexcept { return options_; }
    /// The resource that a path leads to; empty when there is none.
    Ref<Resource> getResourceFor(Request& request) const;
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, as a Date field says it; made once a second.
    std::string_view date();

private:
    IReactorTime& clock_;
    Ref<Resource> root_;
    SiteOptions options_;
    std::string date_;
    std::int64_t dateSecond_ = -1;
};

}  // namespace marline::http
