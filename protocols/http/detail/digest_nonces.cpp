#include <marline/protocols/http/detail/digest_nonces.hpp>

#include <cerrno>
#include <cstdio>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/http/auth.hpp>
#include <marline/protocols/http/detail/characters.hpp>

namespace marline::http::detail {
namespace {

constexpr std::size_t kTimeDigits = 16;

template <std::size_t Size>
void fillRandom(std::array<unsigned char, Size>& bytes) {
    while (::getrandom(bytes.data(), Size, 0) != static_cast<ssize_t>(Size)) {
        if (errno != EINTR) {
            throw std::system_error(errno, std::system_category(), "get random bytes");
        }
    }
}

/// When a nonce of ours was made.
Duration madeAt(std::string_view nonce) {
    std::uint64_t count = 0;
    for (const char digit : nonce.substr(0, kTimeDigits)) {
        count = count << 4U | static_cast<unsigned>(hexValue(digit));
    }
    return Duration(static_cast<Duration::rep>(count));
}

}  // namespace

DigestNonces::DigestNonces(Duration lifetime, std::size_t most) : lifetime_(lifetime), most_(most) {
    fillRandom(key_);
}

std::string DigestNonces::make(Duration now) const {
    std::array<char, kTimeDigits + 1> time{};
    std::snprintf(time.data(), time.size(), "%016llx",
                  static_cast<unsigned long long>(now.count()));
    std::array<unsigned char, 16> random{};
    fillRandom(random);
    return std::string(time.data(), kTimeDigits) + marline::detail::hexText(random);
}

std::string DigestNonces::opaqueOf(std::string_view nonce) const {
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
             reinterpret_cast<const unsigned char*>(nonce.data()), nonce.size(), mac.data(),
             &size) == nullptr) {
        throw std::runtime_error("OpenSSL does not do HMAC-SHA-256");
    }
    return marline::detail::hexText(std::span(mac).first(size));
}

bool DigestNonces::use(std::string_view nonce, std::string_view opaque, std::uint32_t count,
                       Duration now) {
    if (!sameSecret(opaqueOf(nonce), opaque) || now - madeAt(nonce) >= lifetime_ ||
        nonce <= dropped_) {
        return false;
    }
    auto found = used_.find(nonce);
    if (found == used_.end()) {
        found = used_.emplace(nonce, Counts{}).first;
    }
    const bool fresh = note(found->second, count);
    forget(now);
    return fresh;
}

/// A sliding window, as for packets that overtake each other (RFC 4303 §3.4.3).
bool DigestNonces::note(Counts& counts, std::uint64_t count) {
    if (count > counts.highest) {
        const std::uint64_t ahead = count - counts.highest;
        counts.seen = ahead < kWindow ? counts.seen << ahead : 0;
        counts.seen |= 1;
        counts.highest = count;
        return true;
    }
    const std::uint64_t behind = counts.highest - count;
    const std::uint64_t bit = behind < kWindow ? std::uint64_t{1} << behind : 0;
    const bool fresh = bit != 0 && (counts.seen & bit) == 0;
    counts.seen |= bit;
    return fresh;
}

/// Drops what is over, and the oldest ones when there are too many: those cannot come back, else
/// what was seen of them could.
void DigestNonces::forget(Duration now) {
    while (!used_.empty() &&
           (used_.size() > most_ || now - madeAt(used_.begin()->first) >= lifetime_)) {
        dropped_ = used_.begin()->first;
        used_.erase(used_.begin());
    }
}

}  // namespace marline::http::detail
