#include <marline/agent/detail/digest.hpp>

#include <marline/agent/detail/field_list.hpp>
#include <marline/protocols/http/detail/digest_hash.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>
#include <vector>

namespace marline::detail {
namespace {

using http::detail::digestHash;
using http::detail::quotedText;

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
    if (http::detail::digestAlgorithm(challenge.algorithm) == nullptr) {
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
    const auto* hash = http::detail::digestAlgorithm(challenge.algorithm);
    std::array<char, 9> count{};
    std::snprintf(count.data(), count.size(), "%08x", answer.count);
    std::string secret = digestHash(hash, {answer.user, challenge.realm, answer.password});
    const bool session =
        challenge.algorithm.size() > 5 &&
        sameWord(std::string_view(challenge.algorithm).substr(challenge.algorithm.size() - 5),
                 "-sess");
    if (session) {
        secret = digestHash(hash, {secret, challenge.nonce, answer.cnonce});
    }
    const std::string request = digestHash(hash, {answer.method, answer.target});
    const std::string response = challenge.qopAuth
                                     ? digestHash(hash, {secret, challenge.nonce, count.data(),
                                                         answer.cnonce, "auth", request})
                                     : digestHash(hash, {secret, challenge.nonce, request});
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
