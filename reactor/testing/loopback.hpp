// loopbackTcp() and loopbackUnix(): two protocols joined by real sockets.
#pragma once

#include <source_location>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::testing {

/// Connects the two over TCP on 127.0.0.1, by any free port; the Deferred fires when both have had
/// their connectionLost(). It fails when no connection comes about. Cancelling it aborts the
/// connection. What an IoPump shows in memory can so be seen over the kernel too.
MARLINE_API Deferred<> loopbackTcp(Reactor& reactor, Ref<IProtocol> client, Ref<IProtocol> server,
                                   std::source_location where = std::source_location::current());
/// The same over a pair of UNIX sockets; throws std::system_error when the system has none.
MARLINE_API Deferred<> loopbackUnix(Reactor& reactor, Ref<IProtocol> client, Ref<IProtocol> server,
                                    std::source_location where = std::source_location::current());

}  // namespace marline::testing
