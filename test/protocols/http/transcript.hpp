// Feeds bytes to a parser in chosen pieces and writes down what it reports.
#pragma once

#include <marline/protocols/http/request_parser.hpp>
#include <marline/protocols/http/response_parser.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace marline::http::testing {

/// The bytes of one conversation, cut into the reads in which they arrive.
using Reads = std::vector<std::string_view>;

std::span<const std::byte> bytesOf(std::string_view text) noexcept;
std::string_view textOf(std::span<const std::byte> bytes) noexcept;

/// What a parser reported.
struct Transcript {
    /// `METHOD target{body}` or `code{body}` for each message, `(1xx)` for informational heads;
    /// an unfinished body has no closing brace, `.` stands for Done.
    std::string summary;
    /// Everything that the heads and trailers say, for comparison between ways to feed.
    std::string details;
    ParseReason reason = ParseReason::None;
    WireEof eof = WireEof::Clean;
    std::string left;     ///< What the parser did not touch.
    std::string problem;  ///< What no parser may do, whatever its input.

    friend bool operator==(const Transcript&, const Transcript&) = default;
};

/// Each read is copied to memory of its exact size, so that AddressSanitizer sees an overrun.
Transcript requestTranscript(const Reads& reads, const WireLimits& limits = kDefaultWireLimits);

/// What requests the responses belong to.
struct Asked {
    std::vector<std::string> methods = {"GET"};
    bool upgradeOffered = false;
};

/// Responses to `asked`, one after the other; behind the last one no response is due.
Transcript responseTranscript(const Reads& reads, const Asked& asked = {},
                              const WireLimits& limits = kDefaultWireLimits);

}  // namespace marline::http::testing
