// The machine-readable report of one request: `marline get --json`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <marline/marline.hpp>

namespace tools {

/// What is known of one request when it is over.
struct Outcome {
    std::string url;
    std::optional<marline::Response> response;
    std::uint64_t bodyBytes = 0;
    std::string sha256;
    /// Of the last connection; nothing where there was no such step.
    std::optional<marline::Duration> resolve;
    std::optional<marline::Duration> connect;
    std::optional<marline::Duration> tls;
    marline::Duration firstByte{};
    marline::Duration total{};
    std::optional<marline::Failure> error;
};

/// One JSON object, as documented in docs/tools.md.
std::string toJson(const Outcome& outcome);

}  // namespace tools
