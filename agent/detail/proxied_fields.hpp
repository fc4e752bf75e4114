// Internal: not installed. Which fields a proxy passes on.
#pragma once

#include <string>

#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/request.hpp>

namespace marline::detail {

/// What the server behind is told: `request`'s fields without those of its connection, and where it
/// came from.
http::Headers forwardedRequest(http::Request& request, const std::string& via, bool preserveHost,
                               bool trustForwarded);

/// What the client is told of `response`, whose version is said in Via.
http::Headers forwardedResponse(const http::Headers& response, const std::string& via);

}  // namespace marline::detail
