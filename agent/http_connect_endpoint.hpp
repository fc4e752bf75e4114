// HttpConnectEndpoint: connects through an HTTP proxy's CONNECT (RFC 9110 §9.3.6).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// An HTTP proxy does not connect, as the message says, or does not speak HTTP.
class MARLINE_API ProxyConnectError : public ConnectError {
public:
    ProxyConnectError(int status, const std::string& message)
        : ConnectError(message), status_(status) {}

    /// What the proxy answered, 407 when it wants to know who asks; 0 when it did not answer, or
    /// its answer is no HTTP.
    int status() const noexcept { return status_; }

private:
    int status_;
};

/// How long a proxy may take to answer CONNECT: it has to connect itself.
inline constexpr Duration kProxyConnectTimeout = std::chrono::seconds(30);

/// How a proxy is asked.
struct HttpConnectOptions {
    /// The value of Proxy-Authorization; empty: none is sent.
    std::string authorization = {};
    /// Time from the request to the whole head of the answer.
    Duration timeout = kProxyConnectTimeout;
    /// Limits of that head. What comes behind a refusal is not read.
    http::WireLimits wire = {};
};

/// Connects to `host` through an HTTP proxy: the proxy looks the name up, and passes on what comes.
///
///     auto proxy = makeRef<HostnameEndpoint>(reactor, "proxy.example.org", proxyPort);
///     auto tunnel = makeRef<HttpConnectEndpoint>(reactor, proxy, "example.org", port);
///     auto tls = wrapClientTls(reactor, reactor.clientTls(), "example.org", tunnel);
class MARLINE_API HttpConnectEndpoint final : public IStreamClientEndpoint {
public:
    /// `proxy` says where the proxy is; `host` is a name or an address, IPv6 without brackets.
    /// Throws std::invalid_argument when no request can be made of them.
    HttpConnectEndpoint(IReactorTime& clock, Ref<IStreamClientEndpoint> proxy,
                        const std::string& host, std::uint16_t port,
                        HttpConnectOptions options = {});

    /// Fails with ProxyConnectError when the proxy refuses, ConnectTimeoutError when it is silent,
    /// or what connecting to it fails with. buildProtocol() gets the target, its name as host.
    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override;

private:
    IReactorTime& clock_;
    Ref<IStreamClientEndpoint> proxy_;
    Address target_;
    std::string request_;
    HttpConnectOptions options_;
};

}  // namespace marline
