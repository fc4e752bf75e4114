// SOCKS5 (RFC 1928): an endpoint that connects through a proxy, and such a proxy.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// The proxy does not connect, as the message says, or does not speak SOCKS5.
class MARLINE_API SocksError : public ConnectError {
public:
    using ConnectError::ConnectError;
};

/// Who asks a SOCKS5 proxy (RFC 1929); up to 255 bytes each.
struct SocksCredentials {
    std::string user;
    std::string password;
};

/// How long either side may take until a SOCKS5 connection stands, or is refused.
inline constexpr Duration kSocksTimeout = std::chrono::seconds(30);

/// Connects to `host` through a proxy: the proxy looks the name up.
class MARLINE_API Socks5ClientEndpoint final : public IStreamClientEndpoint {
public:
    /// `proxy` says where the proxy is. Throws std::invalid_argument when the host or the
    /// credentials are longer than 255 bytes, or empty.
    Socks5ClientEndpoint(IReactorTime& clock, Ref<IStreamClientEndpoint> proxy, std::string host,
                         std::uint16_t port, std::optional<SocksCredentials> credentials = {},
                         Duration timeout = kSocksTimeout);

    /// Fails with SocksError when the proxy refuses, ConnectTimeoutError when it is silent, or what
    /// connecting to it fails with. buildProtocol() gets the target, its name as host.
    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override;

private:
    IReactorTime& clock_;
    Ref<IStreamClientEndpoint> proxy_;
    std::string host_;
    std::uint16_t port_;
    std::optional<SocksCredentials> credentials_;
    Duration timeout_;
};

/// What a SOCKS5 proxy does for whom.
struct SocksPolicy {
    /// Where a client that asks for `host`, a name or a numeric address, is connected to; an empty
    /// Ref refuses it. Must be given.
    UniqueFunction<Ref<IStreamClientEndpoint>(const std::string& host, std::uint16_t port)>
        endpointFor;
    /// True for who may use the proxy. Without it nobody needs to say who they are.
    UniqueFunction<bool(const SocksCredentials&)> mayUse = {};
    /// How long a client may take to say what it wants.
    Duration timeout = kSocksTimeout;
};

/// A proxy that connects clients to where they want (RFC 1928, CONNECT only). Throws
/// std::invalid_argument without SocksPolicy::endpointFor.
///
///     reactor.listenTcp(1080, socks5Factory(reactor, {.endpointFor = [&](const std::string& host,
///                                                                        std::uint16_t port) {
///         return makeRef<HostnameEndpoint>(reactor, host, port);
///     }}));
MARLINE_API Ref<IProtocolFactory> socks5Factory(IReactorTime& clock, SocksPolicy policy);

}  // namespace marline
