// ContentDecoderAgent: takes content codings off bodies.
#pragma once

#include <string>
#include <vector>

#include <marline/agent/iagent.hpp>
#include <marline/protocols/http/content_decoder.hpp>

namespace marline {

/// What a ContentDecoderAgent asks for, and how much it lets a body grow.
struct ContentDecoderAgentOptions {
    /// Codings to ask for, the dearest first: of gzip, deflate, br and zstd.
    std::vector<std::string> codings = {"gzip", "deflate", "br", "zstd"};
    /// What a body may decode to; more of it fails the body.
    http::DecodeLimits limits = {};
};

/// Asks for compressed bodies and gives them decoded (Twisted: `ContentDecoderAgent`).
///
/// A request gets one Accept-Encoding field that lists the codings, beside the caller's own; one
/// that asks for a Range gets none, since a range of coded bytes cannot be decoded. Of a response's
/// Content-Encoding the codings are taken off from the last one backwards; one that is not known
/// stays, with those before it, in the field, which goes when none is left. Then length() is not
/// known, and Content-Length is gone too.
///
/// A body that is not what it should be, ends early or crosses a limit ends with ResponseFailed
/// that holds http::ContentCodingError, and the connection is closed. Pausing its transport pauses
/// the decoder too.
class MARLINE_API ContentDecoderAgent : public AgentHandle {
public:
    /// Throws std::invalid_argument for a coding that is not known, and for none at all.
    explicit ContentDecoderAgent(const AgentHandle& agent, ContentDecoderAgentOptions options = {});
};

}  // namespace marline
