#include <marline/agent/detail/digest.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include <marline/agent/detail/field_list.hpp>

namespace marline::detail {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// Reads `name=value, name="value"…` of one challenge, and stops where the next one begins.
class ChallengeReader {
public:
    explicit ChallengeReader(std::string_view text) : text_(text) {}

    bool more() {
        skip(" \t,");
        return !text_.empty();
    }
    std::string_view scheme() {
        const std::string_view word = token();
        skip(" \t");
        return word;
    }
    Parameters parameters() {
        Parameters all;
        while (more()) {
            const std::string_view before = text_;
            const std::string_view name = token();
            skip(" \t");
            if (name.empty() || !text_.starts_with('=')) {
                // The next scheme; or what is no challenge at all, which ends it.
                text_ = name.empty() ? std::string_view{} : before;
                break;
            }
            text_.remove_prefix(1);
            skip(" \t");
            all.emplace_back(name, text_.starts_with('"') ? quoted() : std::string(token()));
        }
        return all;
    }

private:
    void skip(std::string_view bytes) {
        text_.remove_prefix(std::min(text_.find_first_not_of(bytes), text_.size()));
    }
    std::string_view token() {
        const std::string_view word = text_.substr(0, text_.find_first_of(" \t,=\""));
        text_.remove_prefix(word.size());
        return word;
    }
    std::string quoted() {
        std::string value;
        text_.remove_prefix(1);
        while (!text_.empty() && text_.front() != '"') {
            text_.remove_prefix(text_.front() == '\\' && text_.size() > 1 ? 1 : 0);
            value += text_.front();
            text_.remove_prefix(1);
        }
        text_.remove_prefix(text_.empty() ? 0 : 1);
        return value;
    }

    std::string_view text_;
};

const std::string* find(const Parameters& parameters, std::string_view name) {
    for (const auto& [key, value] : parameters) {
        if (sameWord(key, name)) {
            return &value;
        }
    }
    return nullptr;
}

const EVP_MD* hashOf(std::string_view algorithm) {
    if (algorithm.size() > 5 && sameWord(algorithm.substr(algorithm.size() - 5), "-sess")) {
        algorithm.remove_suffix(5);
    }
    if (algorithm.empty() || sameWord(algorithm, "MD5")) {
        return EVP_md5();
    }
    if (sameWord(algorithm, "SHA-256")) {
        return EVP_sha256();
    }
    return sameWord(algorithm, "SHA-512-256") ? EVP_sha512_256() : nullptr;
}

bool offersAuth(std::string_view qop) {
    http::Headers list;
    list.addRawHeader("qop", qop);
    const auto all = listedIn(list, "qop");
    return std::any_of(all.begin(), all.end(),
                       [](std::string_view one) { return sameWord(one, "auth"); });
}

std::optional<DigestChallenge> challengeOf(const Parameters& parameters) {
    const std::string* realm = find(parameters, "realm");
    const std::string* nonce = find(parameters, "nonce");
    const std::string* algorithm = find(parameters, "algorithm");
    const std::string* qop = find(parameters, "qop");
    if (realm == nullptr || nonce == nullptr || (qop != nullptr && !offersAuth(*qop))) {
        return std::nullopt;
    }
    DigestChallenge challenge{*realm, *nonce, {}, algorithm != nullptr ? *algorithm : ""};
    if (hashOf(challenge.algorithm) == nullptr) {
        return std::nullopt;
    }
    if (const std::string* opaque = find(parameters, "opaque")) {
        challenge.opaque = *opaque;
    }
    const std::string* stale = find(parameters, "stale");
    challenge.stale = stale != nullptr && sameWord(*stale, "true");
    challenge.qopAuth = qop != nullptr;
    return challenge;
}

std::string hexHash(const EVP_MD* algorithm, std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, algorithm, nullptr) != 1) {
        throw std::runtime_error("OpenSSL does not do this hash (FIPS?)");
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < length; ++i) {
        out += kHex[digest[i] >> 4U];
        out += kHex[digest[i] & 15U];
    }
    return out;
}

std::string quotedText(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        out += c == '"' || c == '\\' ? "\\" : "";
        out += c;
    }
    return out + "\"";
}

std::string join(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const std::string_view part : parts) {
        out.append(out.empty() ? "" : ":").append(part);
    }
    return out;
}

}  // namespace

std::optional<DigestChallenge> findDigestChallenge(const http::Headers& headers) {
    for (const std::string_view field : headers.getRawHeaders("WWW-Authenticate")) {
        ChallengeReader reader(field);
        while (reader.more()) {
            const std::string scheme(reader.scheme());
            const Parameters parameters = reader.parameters();
            if (sameWord(scheme, "Digest")) {
                if (auto challenge = challengeOf(parameters)) {
                    return challenge;
                }
            }
        }
    }
    return std::nullopt;
}

std::string digestAuthorization(const DigestChallenge& challenge, const DigestAnswer& answer) {
    const EVP_MD* hash = hashOf(challenge.algorithm);
    std::array<char, 9> count{};
    std::snprintf(count.data(), count.size(), "%08x", answer.count);
    std::string secret = hexHash(hash, join({answer.user, challenge.realm, answer.password}));
    const bool session =
        challenge.algorithm.size() > 5 &&
        sameWord(std::string_view(challenge.algorithm).substr(challenge.algorithm.size() - 5),
                 "-sess");
    if (session) {
        secret = hexHash(hash, join({secret, challenge.nonce, answer.cnonce}));
    }
    const std::string request = hexHash(hash, join({answer.method, answer.target}));
    const std::string response = hexHash(
        hash, challenge.qopAuth
                  ? join({secret, challenge.nonce, count.data(), answer.cnonce, "auth", request})
                  : join({secret, challenge.nonce, request}));
    std::string text = "Digest username=" + quotedText(answer.user) +
                       ", realm=" + quotedText(challenge.realm) +
                       ", nonce=" + quotedText(challenge.nonce) +
                       ", uri=" + quotedText(answer.target) + ", response=\"" + response + "\"";
    if (!challenge.algorithm.empty()) {
        text += ", algorithm=" + challenge.algorithm;
    }
    if (challenge.qopAuth) {
        text += ", qop=auth, nc=" + std::string(count.data());
    }
    if (challenge.qopAuth || session) {
        text += ", cnonce=" + quotedText(answer.cnonce);
    }
    if (challenge.opaque) {
        text += ", opaque=" + quotedText(*challenge.opaque);
    }
    return text;
}

}  // namespace marline::detail
