// Uri::fromInput(): what people type.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include <idn2.h>

#include <marline/agent/detail/uri_text.hpp>
#include <marline/agent/uri.hpp>

namespace marline {
namespace {

bool isAscii(std::string_view text) noexcept {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x80) {
            return false;
        }
    }
    return true;
}

std::string_view withoutSpaces(std::string_view text) noexcept {
    constexpr std::string_view kSpaces = " \t\r\n\f";
    const std::size_t first = text.find_first_not_of(kSpaces);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

bool hasScheme(std::string_view text) noexcept {
    const std::size_t end = text.find("://");
    return end != std::string_view::npos && end != 0 &&
           text.substr(0, end).find_first_of("/?#@:[ ") == std::string_view::npos;
}

/// Whether a text that was encoded for DNS is a name: signs that only look like letters may have
/// become a slash, or something else that ends a host.
bool isName(std::string_view text) noexcept {
    return text.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
           std::string_view::npos;
}

Result<std::string> hostForDns(std::string_view host) {
    if (isAscii(host)) {
        return std::string(host);
    }
    char* encoded = nullptr;
    const int status = idn2_to_ascii_8z(std::string(host).c_str(), &encoded,
                                        IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, decltype(&idn2_free)> owner(encoded, &idn2_free);
    if (status != IDN2_OK) {
        return Failure::make<UriError>("the host name '" + detail::shown(host) +
                                       "' cannot be encoded for DNS: " + idn2_strerror(status));
    }
    if (host.find('\0') != std::string_view::npos || !isName(encoded)) {
        return Failure::make<UriError>("the host name '" + detail::shown(host) +
                                       "' has characters that no host name has");
    }
    return std::string(encoded);
}

}  // namespace

Result<Uri> Uri::fromInput(std::string_view text) {
    std::string whole(withoutSpaces(text));
    if (whole.starts_with("//")) {
        whole.insert(0, "http:");
    } else if (!hasScheme(whole)) {
        whole.insert(0, "http://");
    }
    const std::size_t start = whole.find("://") + 3;
    const std::size_t end = std::min(whole.find_first_of("/?#", start), whole.size());
    std::string_view authority = std::string_view(whole).substr(start, end - start);
    std::string before = whole.substr(0, start);
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        before += detail::percentEncoded(authority.substr(0, at), "@[]") + "@";
        authority.remove_prefix(at + 1);
    }
    std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']')) {
        colon = authority.size();
    }
    Result<std::string> host = hostForDns(authority.substr(0, colon));
    if (!host.ok()) {
        return host.failure();
    }
    const std::string_view rest = std::string_view(whole).substr(end);
    const std::size_t hash = std::min(rest.find('#'), rest.size());
    std::string fragment;
    if (hash < rest.size()) {
        fragment = "#" + detail::percentEncoded(rest.substr(hash + 1), "#[]");
    }
    return parse(before + host.value() + std::string(authority.substr(colon)) +
                 detail::percentEncoded(rest.substr(0, hash), "[]") + fragment);
}

}  // namespace marline
