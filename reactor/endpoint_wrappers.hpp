// What is made around endpoints: one protocol's connection, and servers with something in front.
#pragma once

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {

namespace detail {
/// A factory that gives `protocol`.
MARLINE_API Ref<IProtocolFactory> factoryOfOne(Ref<IProtocol> protocol);
}  // namespace detail

/// Connects `protocol` itself to `endpoint`, without a factory of the user's (Twisted:
/// `connectProtocol`). Fires with it after its makeConnection(), as connect() does.
template <class P>
Deferred<Ref<P>> connectProtocol(IStreamClientEndpoint& endpoint, Ref<P> protocol) {
    return endpoint.connect(detail::factoryOfOne(protocol))
        .addCallback([protocol](const Ref<IProtocol>&) { return protocol; });
}

/// Listens on `endpoint` with what `wrap` makes of each factory: TLS, a PROXY header, …
MARLINE_API Ref<IStreamServerEndpoint> wrapServerEndpoint(
    Ref<IStreamServerEndpoint> endpoint,
    UniqueFunction<Ref<IProtocolFactory>(Ref<IProtocolFactory>)> wrap);

}  // namespace marline
