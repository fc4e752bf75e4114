// Endpoints by string: where to connect and to listen, as a configuration says it.
#pragma once

#include <string>
#include <string_view>

#include <marline/reactor/endpoint_fields.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline {

/// The place to connect to that `description` tells of (Twisted: `clientFromString`).
///
///     tcp:host=example.org:port=80        tcp:example.org:80:timeout=5:bindAddress=192.0.2.1
///     unix:/run/my.socket
///     tls:example.org:443                 ssl:example.org:443:trustRoots=/etc/my/roots.pem
///
/// Throws EndpointStringError when it makes no sense, and TlsError for a file with a certificate or
/// key that is of no use; whether anybody listens there shows when it connects. `docs/howto/
/// endpoints.md` lists all kinds and fields.
MARLINE_API Ref<IStreamClientEndpoint> clientFromString(Reactor& reactor,
                                                        std::string_view description);

/// The place to listen on that `description` tells of (Twisted: `serverFromString`).
///
///     tcp:8080        tcp:8080:interface=127.0.0.1        tcp6:8080
///     ssl:443:privateKey=key.pem:certKey=chain.pem        haproxy:tcp:8080
///     unix:/run/my.socket:mode=660        systemd:index=0        fd:3
///
/// Throws as clientFromString() does.
MARLINE_API Ref<IStreamServerEndpoint> serverFromString(Reactor& reactor,
                                                        std::string_view description);

/// Makes an endpoint of the fields behind its kind. May be called by several threads at a time,
/// each with a reactor of its own.
using ClientEndpointParser = Ref<IStreamClientEndpoint> (*)(Reactor& reactor,
                                                            EndpointFields& fields);
using ServerEndpointParser = Ref<IStreamServerEndpoint> (*)(Reactor& reactor,
                                                            EndpointFields& fields);

/// From now on clientFromString() has descriptions of `kind` parsed by `parser`, in the whole
/// process (Twisted: a plugin of `IStreamClientEndpointStringParserWithReactor`). Throws
/// std::logic_error when there is one for that kind already. Thread-safe.
MARLINE_API void registerClientEndpoint(const std::string& kind, ClientEndpointParser parser);
/// The same for serverFromString().
MARLINE_API void registerServerEndpoint(const std::string& kind, ServerEndpointParser parser);

}  // namespace marline
