// Internal: not installed. Which fields a proxy passes on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/request.hpp>

namespace marline::detail {

/// How often a TRACE or OPTIONS may yet be passed on; nothing when it does not say (RFC 9110
/// §7.6.2). Throws HttpError for what is no number.
std::optional<std::uint32_t> forwardsLeft(const http::Request& request);

/// How often a request has passed proxies that call themselves `via`.
std::size_t timesPassed(http::Request& request, std::string_view via);

/// What the server behind is told: `request`'s fields without those of its connection, and where it
/// came from. It must be one that may be passed on.
http::Headers forwardedRequest(http::Request& request, const std::string& via, bool preserveHost,
                               bool trustForwarded);

/// What the client is told of `response`, whose version is said in Via.
http::Headers forwardedResponse(const http::Headers& response, const std::string& via);

}  // namespace marline::detail
