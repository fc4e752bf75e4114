#include <marline/agent/uri.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <uriparser/Uri.h>

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

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
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

/// `text` as it can stand in a message: not too long, and without control characters.
std::string shown(std::string_view text) {
    constexpr std::size_t kShown = 200;
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out;
    for (const char c : text.substr(0, kShown)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return text.size() > kShown ? out + "…" : out;
}

Failure refuse(std::string_view text, const std::string& why) {
    return Failure::make<UriError>("bad URI '" + shown(text) + "': " + why);
}

}  // namespace

Result<Uri> Uri::parse(std::string_view text) {
    ParsedUri parsed;
    if (!parsed.parse(text)) {
        return refuse(text,
                      "it does not follow RFC 3986 (a space, or another character that has "
                      "to be percent-encoded?)");
    }
    const UriUriA& raw = *parsed;
    Uri uri;
    uri.scheme_ = lower(view(raw.scheme));
    if (uri.scheme_.empty()) {
        return refuse(text, "it has no scheme; write http://… or https://…");
    }
    uri.host_ = lower(view(raw.hostText));
    if (uri.host_.empty()) {
        return refuse(text, "it has no host");
    }
    uri.port_ = defaultPort(uri.scheme_);
    if (const std::string_view port = view(raw.portText); !port.empty()) {
        const auto number = parsePort(port);
        if (!number) {
            return refuse(text, "its port is not in 1…65535");
        }
        uri.port_ = *number;
    }
    uri.userInfo_ = view(raw.userInfo);
    uri.path_ = joinPath(raw);
    uri.query_ = withMark('?', raw.query);
    uri.fragment_ = withMark('#', raw.fragment);
    return uri;
}

Result<Uri> Uri::resolve(std::string_view reference) const {
    const std::string base = toString();
    ParsedUri baseUri;
    ParsedUri relative;
    ParsedUri resolved;
    if (!baseUri.parse(base) || !relative.parse(reference)) {
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
    Result<Uri> result = parse(text.data());
    if (result.ok() && result.value().fragment_.empty()) {
        result.value().fragment_ = fragment_;
    }
    return result;
}

std::string Uri::authority() const {
    std::string text = host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]";
    if (port_ != defaultPort(scheme_)) {
        text += ":" + std::to_string(port_);
    }
    return text;
}

std::string Uri::requestTarget() const { return (path_.empty() ? "/" : path_) + query_; }

std::string Uri::toString() const {
    return scheme_ + "://" + authority() + path_ + query_ + fragment_;
}

bool Uri::sameOrigin(const Uri& other) const noexcept {
    return scheme_ == other.scheme_ && host_ == other.host_ && port_ == other.port_;
}

}  // namespace marline
