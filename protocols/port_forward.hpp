// forwardTo(): connections that go on somewhere else.
#pragma once

#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {

/// A factory whose connections are each joined to a new one to `endpoint` (Twisted:
/// `portforward.ProxyFactory`): what comes on one leaves on the other, no faster than that takes
/// it; half-closes are passed on; and when one is lost the other is closed behind what was to be
/// sent. When the endpoint cannot be connected to, the connection is aborted and the reason logged
/// at LogLevel::Info.
///
///     reactor.listenTcp(8080, forwardTo(clientFromString(reactor, "tcp:backend:80")));
MARLINE_API Ref<IProtocolFactory> forwardTo(Ref<IStreamClientEndpoint> endpoint);

}  // namespace marline
