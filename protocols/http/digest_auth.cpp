#include <marline/protocols/http/digest_auth.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <stdexcept>
#include <utility>

#include <openssl/evp.h>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/http/auth.hpp>
#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/detail/digest_hash.hpp>
#include <marline/protocols/http/detail/digest_nonces.hpp>
#include <marline/protocols/http/detail/path.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

constexpr std::size_t kCountDigits = 8;

std::string_view nameOf(DigestAlgorithm algorithm) noexcept {
    return algorithm == DigestAlgorithm::Sha256 ? "SHA-256" : "MD5";
}

/// `name=value, name="value"…` with the names in lower case; nothing when it is not that, or says
/// something twice.
class Credentials {
public:
    static std::optional<Credentials> read(std::string_view text) {
        Credentials all;
        for (text = detail::trimBlanks(text); !text.empty(); text = detail::trimBlanks(text)) {
            const std::size_t equals = text.find('=');
            if (equals == std::string_view::npos) {
                return std::nullopt;
            }
            std::string name =
                marline::detail::lowerCase(detail::trimBlanks(text.substr(0, equals)));
            text = detail::trimBlanks(text.substr(equals + 1));
            auto value = text.starts_with('"') ? quoted(text) : token(text);
            text = detail::trimBlanks(text);
            if (!value || (!text.empty() && !text.starts_with(',')) ||
                !all.values_.emplace(std::move(name), std::move(*value)).second) {
                return std::nullopt;
            }
            text.remove_prefix(text.empty() ? 0 : 1);
        }
        return all;
    }

    bool has(std::string_view name) const { return values_.contains(name); }
    /// The value of a parameter; empty without it.
    const std::string& operator[](std::string_view name) const {
        static const std::string kNone;
        const auto found = values_.find(name);
        return found != values_.end() ? found->second : kNone;
    }

private:
    static std::optional<std::string> token(std::string_view& text) {
        const std::string_view word = text.substr(0, text.find_first_of(", \t"));
        text.remove_prefix(word.size());
        return std::string(word);
    }
    static std::optional<std::string> quoted(std::string_view& text) {
        std::string value;
        text.remove_prefix(1);
        while (!text.empty() && text.front() != '"') {
            text.remove_prefix(text.front() == '\\' ? 1 : 0);
            if (!text.empty()) {
                value += text.front();
                text.remove_prefix(1);
            }
        }
        if (text.empty()) {
            return std::nullopt;
        }
        text.remove_prefix(1);
        return value;
    }

    std::map<std::string, std::string, std::less<>> values_;
};

/// The count of an answer, which is eight hexadecimal digits and begins at 1; 0 for what is none.
std::uint32_t countOf(std::string_view text) noexcept {
    std::uint32_t count = 0;
    const char* const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data(), end, count, 16);
    return text.size() == kCountDigits && error == std::errc() && read == end ? count : 0;
}

/// RFC 7616 §3.4: the name, or `username*` (RFC 8187) for one that is not of ASCII; empty when it
/// cannot be read, or there are both.
std::string userOf(const Credentials& said) {
    constexpr std::string_view kCharset = "utf-8'";
    if (!said.has("username*")) {
        return said["username"];
    }
    const std::string_view coded = said["username*"];
    const std::size_t text = coded.find('\'', kCharset.size());
    if (said.has("username") || text == std::string_view::npos ||
        marline::detail::lowerCase(coded.substr(0, kCharset.size())) != kCharset) {
        return {};
    }
    std::string user;
    detail::appendDecoded(user, coded.substr(text + 1));
    return user;
}

std::optional<Credentials> credentialsOf(const Request& request) {
    constexpr std::string_view kScheme = "digest ";
    const std::string_view sent = request.getHeader("Authorization").value_or("");
    if (!sameFieldName(sent.substr(0, kScheme.size()), kScheme)) {
        return std::nullopt;
    }
    return Credentials::read(sent.substr(kScheme.size()));
}

}  // namespace

std::string digestSecret(DigestAlgorithm algorithm, std::string_view user, std::string_view realm,
                         std::string_view password) {
    return detail::digestHash(detail::digestAlgorithm(nameOf(algorithm)), {user, realm, password});
}

DigestAuth::DigestAuth(Ref<Resource> guarded, std::string realm, Secrets secrets,
                       DigestOptions options)
    : guarded_(std::move(guarded)), realm_(std::move(realm)), secrets_(std::move(secrets)),
      options_(std::move(options)),
      nonces_(std::make_unique<detail::DigestNonces>(options_.nonceLifetime, options_.maxNonces)) {
    if (!std::all_of(realm_.begin(), realm_.end(),
                     [](char c) { return detail::isOf(detail::CharClass::Quoted, c); })) {
        throw std::invalid_argument("a realm has no quotes, backslashes or control characters");
    }
    std::erase_if(options_.algorithms, [](DigestAlgorithm each) {
        return !detail::digestWorks(detail::digestAlgorithm(nameOf(each)));
    });
    if (options_.algorithms.empty() || options_.maxNonces == 0 ||
        options_.nonceLifetime <= Duration::zero()) {
        throw std::invalid_argument(
            "DigestOptions: algorithms (that OpenSSL does), maxNonces and nonceLifetime must be "
            "more "
            "than nothing");
    }
}

DigestAuth::~DigestAuth() = default;

Ref<Resource> DigestAuth::standIn(Request& request) {
    const Verdict verdict = judge(request);
    if (verdict == Verdict::Right) {
        return guarded_;
    }
    challenge(request, verdict == Verdict::Stale);
    return {};
}

DigestAuth::Verdict DigestAuth::judge(Request& request) {
    const auto sent = credentialsOf(request);
    if (!sent) {
        return Verdict::Wrong;
    }
    const Credentials& said = *sent;
    const auto algorithm =
        std::find_if(options_.algorithms.begin(), options_.algorithms.end(),
                     [name = said["algorithm"]](DigestAlgorithm each) {
                         return sameFieldName(name.empty() ? "MD5" : name, nameOf(each));
                     });
    const std::uint32_t count = countOf(said["nc"]);
    if (algorithm == options_.algorithms.end() || said["realm"] != realm_ ||
        said["qop"] != "auth" || said["cnonce"].empty() || count == 0) {
        return Verdict::Wrong;
    }
    if (said["uri"] != request.uri()) {
        throw HttpError(kBadRequest, "the credentials are for another target");
    }
    const std::string user = userOf(said);
    const auto* const hash = detail::digestAlgorithm(nameOf(*algorithm));
    // Nobody's secret is hashed as well, so that the time does not tell who is there.
    const std::string secret = secrets_(user, *algorithm).value_or("");
    const std::string right =
        detail::digestHash(hash, {secret, said["nonce"], said["nc"], said["cnonce"], "auth",
                                  detail::digestHash(hash, {request.method(), request.uri()})});
    if (!sameSecret(right, said["response"]) || secret.empty()) {
        return Verdict::Wrong;
    }
    if (!nonces_->use(said["nonce"], said["opaque"], count, request.clock().seconds())) {
        return Verdict::Stale;
    }
    request.setUser(user);
    return Verdict::Right;
}

void DigestAuth::challenge(Request& request, bool stale) {
    const std::string nonce = nonces_->make(request.clock().seconds());
    const std::string rest = ", qop=\"auth\", nonce=\"" + nonce + "\", opaque=\"" +
                             nonces_->opaqueOf(nonce) + "\", charset=UTF-8" +
                             (stale ? ", stale=true" : "");
    request.responseHeaders().removeHeader("WWW-Authenticate");
    for (const DigestAlgorithm each : options_.algorithms) {
        request.responseHeaders().addRawHeader(
            "WWW-Authenticate",
            "Digest realm=\"" + realm_ + "\", algorithm=" + std::string(nameOf(each)) + rest);
    }
}

Rendered DigestAuth::render(Request&) { return HttpError(kUnauthorized, "who are you?"); }

}  // namespace marline::http
