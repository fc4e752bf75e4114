// ProgressAgent: tells how far requests and responses have come.
#pragma once

#include <cstdint>
#include <optional>

#include <marline/agent/iagent.hpp>
#include <marline/deferred/function.hpp>

namespace marline {

/// Bytes of the bodies of one request and its response, as they go over the wire: content, not
/// framing, and coded as it is.
struct Progress {
    std::uint64_t uploaded = 0;  ///< Handed to the connection, whose buffer may still hold some.
    std::optional<std::uint64_t> uploadTotal = {};  ///< Of all; none when unknown.
    std::uint64_t downloaded = 0;                   ///< Given to who reads the response.
    std::optional<std::uint64_t> downloadTotal = {};
};

/// What a ProgressAgent calls, with the URI that was requested. What it throws fails the request,
/// or ends the body.
using OnProgress = UniqueFunction<void(const Uri& uri, const Progress& progress)>;

/// Calls a function with every piece of a body that is sent or read. Around an Agent it sees each
/// request of a redirect, and bodies as they are coded; around others what those make of them.
///
///     ProgressAgent agent{Agent{reactor}, [](const Uri&, const Progress& progress) {
///         std::cout << progress.downloaded << '\n';
///     }};
class MARLINE_API ProgressAgent : public AgentHandle {
public:
    ProgressAgent(const AgentHandle& agent, OnProgress onProgress);
};

}  // namespace marline
