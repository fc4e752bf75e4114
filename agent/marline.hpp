// Everything of marline that a program needs, in one header.
#pragma once

// First, so that compilers name a short way to it before they show what its messages say.
#include <marline/deferred/deferred.hpp>

#include <marline/agent/agent.hpp>
#include <marline/agent/body.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/iagent.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/agent/response.hpp>
#include <marline/agent/uri.hpp>
#include <marline/deferred/callbacks.hpp>
#include <marline/deferred/combine.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/gather.hpp>
#include <marline/deferred/lock.hpp>
#include <marline/deferred/queue.hpp>
#include <marline/deferred/race.hpp>
#include <marline/deferred/result.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/deferred/unhandled.hpp>
#include <marline/protocols/datagram.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/cooperator.hpp>
#include <marline/reactor/defer_later.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/filesystem_lock.hpp>
#include <marline/reactor/hostname_endpoint.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/looping_call.hpp>
#include <marline/reactor/react.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/resolver.hpp>
#include <marline/reactor/stdio.hpp>
#include <marline/reactor/tls.hpp>
#include <marline/reactor/tls_context.hpp>
