// Expects that events do not depend on how the bytes were cut.
#pragma once

#include <test/protocols/http/transcript.hpp>

#include <functional>
#include <string_view>

namespace marline::http::testing {

/// Runs `transcribe` with the bytes whole, and expects the same from them cut at every place and
/// fed one by one. Gives the transcript.
Transcript transcribeEveryWay(std::string_view bytes,
                              const std::function<Transcript(const Reads&)>& transcribe);

/// transcribeEveryWay() of requests.
Transcript parseRequests(std::string_view bytes, const WireLimits& limits = kDefaultWireLimits);

/// transcribeEveryWay() of responses.
Transcript parseResponses(std::string_view bytes, const Asked& asked = {},
                          const WireLimits& limits = kDefaultWireLimits);

}  // namespace marline::http::testing
