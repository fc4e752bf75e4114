#include <marline/agent/uri.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <uriparser/Uri.h>

#include <marline/agent/detail/host_name.hpp>
#include <marline/agent/detail/uri_text.hpp>
#include <marline/protocols/detail/base64.hpp>
#include <marline/protocols/detail/text.hpp>

namespace marline {
namespace {

/// What uriparser allocated for one URI.
class ParsedUri {
public:
    ParsedUri() = default;
    ParsedUri(const ParsedUri&) = delete;
    ParsedUri& operator=(const ParsedUri&) = delete;
    ~ParsedUri() { uriFreeUriMembersA(&uri_); }

    UriUriA* get() noexcept { return &uri_; }
    const UriUriA& operator*() const noexcept { return uri_; }

    /// False when `text` is not of the grammar; `text` must outlive this.
    bool parse(std::string_view text) noexcept {
        const char* errorAt = nullptr;
        return uriParseSingleUriExA(&uri_, text.data(), text.data() + text.size(), &errorAt) ==
               URI_SUCCESS;
    }

private:
    UriUriA uri_{};
};

std::string_view view(const UriTextRangeA& range) noexcept {
    return range.first == nullptr
               ? std::string_view{}
               : std::string_view(range.first,
                                  static_cast<std::size_t>(range.afterLast - range.first));
}

std::uint16_t defaultPort(std::string_view scheme) noexcept {
    if (scheme == "http") {
        return 80;
    }
    return scheme == "https" ? 443 : 0;
}

std::optional<std::uint16_t> parsePort(std::string_view text) noexcept {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
        return std::nullopt;
    }
    return port;
}

/// The one text of RFC 5952, however it was written: origins are compared by it.
std::string ipv6Text(const UriIp6& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET6, address.data, text.data(), static_cast<socklen_t>(text.size()));
    return text.data();
}

std::string joinPath(const UriUriA& uri) {
    std::string path;
    for (const UriPathSegmentA* segment = uri.pathHead; segment != nullptr;
         segment = segment->next) {
        path += '/';
        path += view(segment->text);
    }
    return path;
}

std::string withMark(char mark, const UriTextRangeA& range) {
    return range.first == nullptr ? std::string() : mark + std::string(view(range));
}

/// Takes the zone out of `[fe80::1%25eth0]`, which liburiparser does not know (RFC 6874).
std::string takeZone(std::string& text) {
    const std::size_t open = text.find("://[");
    const std::size_t close = text.find(']');
    if (open == std::string::npos || close == std::string::npos) {
        return {};
    }
    const std::size_t mark = text.find("%25", open);
    if (mark == std::string::npos || mark > close) {
        return {};
    }
    std::string zone = text.substr(mark + 3, close - mark - 3);
    text.erase(mark, close - mark);
    return zone;
}

bool isZone(std::string_view zone) noexcept {
    return !zone.empty() && zone.find_first_not_of(
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~") == std::string_view::npos;
}

Failure refuse(std::string_view text, const std::string& why) {
    return Failure::make<UriError>("bad URI '" + detail::shown(text) + "': " + why);
}

}  // namespace

Result<Uri> Uri::parse(std::string_view text) {
    std::string plain(text);
    const bool zoned =
        plain.find("%25") < plain.find(']') && plain.find("://[") != std::string::npos;
    const std::string zone = zoned ? takeZone(plain) : std::string();
    if (zoned && !isZone(zone)) {
        return refuse(text, "its zone is empty or has other characters than letters and digits");
    }
    ParsedUri parsed;
    if (!parsed.parse(plain)) {
        return refuse(text,
                      "it does not follow RFC 3986 (a space, or another character that has "
                      "to be percent-encoded?)");
    }
    const UriUriA& raw = *parsed;
    Parts parts;
    parts.scheme = detail::lowerCase(view(raw.scheme));
    if (parts.scheme.empty()) {
        return refuse(text, "it has no scheme; write http://… or https://…");
    }
    parts.host = raw.hostData.ip6 != nullptr ? ipv6Text(*raw.hostData.ip6)
                                             : detail::lowerCase(view(raw.hostText));
    if (parts.host.empty()) {
        return refuse(text, "it has no host");
    }
    // What stands for a name here is looked up and compared as it is written.
    if (raw.hostData.ipFuture.first != nullptr || parts.host.find('%') != std::string::npos) {
        return refuse(text,
                      "its host is percent-encoded, or an address of a kind that is not known");
    }
    if (!zone.empty()) {
        parts.host += "%" + zone;
    }
    parts.port = defaultPort(parts.scheme);
    if (const std::string_view port = view(raw.portText); !port.empty()) {
        const auto number = parsePort(port);
        if (!number) {
            return refuse(text, "its port is not in 1…65535");
        }
        parts.port = *number;
    }
    parts.userInfo = view(raw.userInfo);
    parts.path = joinPath(raw);
    parts.query = withMark('?', raw.query);
    parts.fragment = withMark('#', raw.fragment);
    return Uri(std::move(parts));
}

Result<Uri> Uri::resolve(std::string_view reference) const {
    Parts plain = *parts_;
    plain.host = plain.host.substr(0, plain.host.find('%'));
    const std::string base = Uri(std::move(plain)).toString();
    const std::string encoded = detail::percentEncoded(reference);
    ParsedUri baseUri;
    ParsedUri relative;
    ParsedUri resolved;
    if (!baseUri.parse(base) || !relative.parse(encoded)) {
        return refuse(reference, "it is no reference of RFC 3986");
    }
    if (uriAddBaseUriExA(resolved.get(), relative.get(), baseUri.get(), URI_RESOLVE_STRICTLY) !=
            URI_SUCCESS ||
        uriNormalizeSyntaxExA(resolved.get(), URI_NORMALIZE_PATH) != URI_SUCCESS) {
        return refuse(reference, "it cannot be resolved against " + base);
    }
    int length = 0;
    if (uriToStringCharsRequiredA(resolved.get(), &length) != URI_SUCCESS) {
        return refuse(reference, "it is too long");
    }
    std::vector<char> text(static_cast<std::size_t>(length) + 1);
    if (uriToStringA(text.data(), resolved.get(), length + 1, nullptr) != URI_SUCCESS) {
        return refuse(reference, "it is too long");
    }
    const Result<Uri> result = parse(text.data());
    if (!result.ok()) {
        return result;
    }
    Parts target = *result.value().parts_;
    const bool ownHost = (*relative).hostText.first != nullptr;
    if (!ownHost && (*relative).scheme.first != nullptr) {
        // Without its dots, https:/.//x seems to have one.
        return refuse(reference, "it has a scheme of its own, and no host");
    }
    if (!ownHost) {
        target.host = host();
    }
    target.userInfo = ownHost ? std::string() : userInfo();
    if (target.fragment.empty()) {
        target.fragment = fragment();
    }
    return Uri(std::move(target));
}

std::string Uri::authority() const {
    std::string text = detail::bracketed(host().substr(0, host().find('%')));
    if (port() != defaultPort(scheme())) {
        text += ":" + std::to_string(port());
    }
    return text;
}

std::string Uri::requestTarget() const { return (path().empty() ? "/" : path()) + query(); }

std::string Uri::toString() const {
    std::string where = authority();
    if (const std::size_t zone = host().find('%'); zone != std::string::npos) {
        where.insert(where.find(']'), "%25" + host().substr(zone + 1));
    }
    return scheme() + "://" + where + path() + query() + fragment();
}

std::string Uri::basicCredentials() const {
    if (userInfo().empty()) {
        return {};
    }
    const std::string text = detail::percentDecoded(userInfo());
    return "Basic " + detail::encodeBase64(text.find(':') == std::string::npos ? text + ":" : text);
}

Uri Uri::withoutUserInfo() const {
    if (userInfo().empty()) {
        return *this;
    }
    Parts parts = *parts_;
    parts.userInfo.clear();
    return Uri(std::move(parts));
}

Uri Uri::withQuery(std::string_view query) const {
    Parts parts = *parts_;
    parts.query = query.empty() ? std::string() : "?" + std::string(query);
    return Uri(std::move(parts));
}

bool Uri::sameOrigin(const Uri& other) const noexcept {
    return scheme() == other.scheme() && host() == other.host() && port() == other.port();
}

}  // namespace marline
