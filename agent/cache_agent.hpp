// CacheAgent: answers from memory what a server said may be answered so.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <marline/agent/iagent.hpp>
#include <marline/deferred/api.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/http_date.hpp>

namespace marline {
namespace detail {
class CacheIndex;
}

/// How much a ResponseCache holds, and for how long.
struct ResponseCacheOptions {
    /// Bytes of heads and bodies in all; what was used least recently goes first. Bodies on their
    /// way have as many bytes besides; what comes beyond them is not kept.
    std::size_t maxBytes = std::size_t{64} << 20;
    /// Responses in all.
    std::size_t maxEntries = 10'000;
    /// Responses for one URI, which Vary and Authorization tell apart; one more drops the one that
    /// came first.
    std::size_t maxVariants = 32;
    /// Bytes of one body; a longer one is not kept.
    std::size_t maxBodyBytes = std::size_t{8} << 20;
    /// The longest time for which a response without max-age and Expires counts as fresh: a tenth
    /// of its age when it came, and no more than this (RFC 9111 §4.2.2). Zero: never.
    std::chrono::seconds maxHeuristic = std::chrono::hours(24);
    /// The time; empty: the system's. For tests.
    UniqueFunction<http::HttpTime()> clock = {};
};

/// What a cache has, and has done since it was made.
struct ResponseCacheMetrics {
    std::size_t entries = 0;        ///< Now.
    std::size_t bytes = 0;          ///< Now.
    std::uint64_t hits = 0;         ///< Requests answered without the server.
    std::uint64_t revalidated = 0;  ///< Requests that the server answered with 304.
    std::uint64_t misses = 0;       ///< Requests that the server answered in full.
    std::uint64_t stored = 0;       ///< Responses kept.
    std::uint64_t evicted = 0;      ///< Responses dropped to make room.
};

/// Responses in memory, of one user: a private cache (RFC 9111). Shared by agents of one thread.
class MARLINE_API ResponseCache final : public RefCounted {
public:
    explicit ResponseCache(ResponseCacheOptions options = {});

    ResponseCacheMetrics metrics() const noexcept;
    /// Forgets all responses, and keeps none of those on their way.
    void clear() noexcept;

    /// Internal, for CacheAgent.
    detail::CacheIndex& index() noexcept { return *index_; }

private:
    ~ResponseCache() override;

    std::unique_ptr<detail::CacheIndex> index_;
};

/// Answers GET and HEAD from a ResponseCache where RFC 9111 allows it, asks the server whether a
/// stale response is still good (If-None-Match, If-Modified-Since), and keeps responses to GET.
///
/// Bodies stream through, and are kept when they came whole. Cache-Control of the request counts:
/// no-store, no-cache, max-age, min-fresh, max-stale, and only-if-cached, which gives 504 rather
/// than ask. Requests with a body, Range, Upgrade or conditions of their own pass. Responses to
/// different Authorization fields are kept apart. A response from memory has an Age field, and no
/// trailers; its Set-Cookie and Strict-Transport-Security fields came once, with the answer.
///
/// All other agents go around it: RedirectAgent and ContentDecoderAgent so that redirects and coded
/// bodies are kept, CookieAgent, BasicAuthAgent and BearerAuthAgent so that it sees the fields that
/// they add, by which responses are told apart, HstsAgent since an answer from another URI than the
/// one asked for is not kept. Behind DigestAuthAgent, whose field differs each time, nothing is
/// found again.
///
///     auto cache = makeRef<ResponseCache>();
///     RedirectAgent agent{ContentDecoderAgent{CookieAgent{CacheAgent{Agent{reactor}, cache},
///     jar}}};
class MARLINE_API CacheAgent : public AgentHandle {
public:
    CacheAgent(const AgentHandle& agent, Ref<ResponseCache> cache);
};

}  // namespace marline
