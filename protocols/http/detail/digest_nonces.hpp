// Internal: not installed. The nonces of DigestAuth, and which answers to them were seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <marline/reactor/time.hpp>

namespace marline::http::detail {

/// Makes nonces, and lets each count of one pass once. A nonce is the time and some random bytes;
/// it needs no memory until somebody who knows the password has used it, for `opaque` proves that
/// it was made here (Twisted: the same).
class DigestNonces {
public:
    /// Counts below the highest one that may still come, in any order: connections run beside each
    /// other.
    static constexpr std::uint64_t kWindow = 64;

    /// Throws std::system_error when the system has no randomness.
    DigestNonces(Duration lifetime, std::size_t most);

    /// A new one.
    std::string make(Duration now) const;
    /// What proves that it came from here.
    std::string opaqueOf(std::string_view nonce) const;
    /// Whether `nonce` came from here, is in its time, and `count` is new; notes it then. For right
    /// answers only.
    bool use(std::string_view nonce, std::string_view opaque, std::uint32_t count, Duration now);
    /// How many are kept.
    std::size_t kept() const noexcept { return used_.size(); }

private:
    struct Counts {
        std::uint64_t highest = 0;
        std::uint64_t seen = 0;  // bit i: highest - i
    };

    static bool note(Counts& counts, std::uint64_t count);
    void forget(Duration now);

    Duration lifetime_;
    std::size_t most_;
    std::array<unsigned char, 32> key_{};
    std::map<std::string, Counts, std::less<>> used_;  // nonces begin with their time: oldest first
    std::string dropped_;                              // this one and older ones are over
};

}  // namespace marline::http::detail
