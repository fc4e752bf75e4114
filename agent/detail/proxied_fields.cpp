#include <marline/agent/detail/proxied_fields.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <system_error>

#include <marline/agent/detail/end_to_end.hpp>
#include <marline/agent/detail/field_list.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/address.hpp>

namespace marline::detail {
namespace {

// Content-Length is said by who frames the body; Proxy becomes HTTP_PROXY in a CGI program
// (CVE-2016-5385).
constexpr std::array<std::string_view, 4> kOfTheRequest = {"Content-Length", "Expect", "Host",
                                                           "Proxy"};
// What proxies say of the client, who may say it as well; of X-Forwarded- there are many.
constexpr std::array<std::string_view, 2> kForwarded = {"Forwarded", "X-Real-IP"};
constexpr std::string_view kForwardedPrefix = "X-Forwarded-";

template <class Names>
bool among(const Names& names, std::string_view name) {
    return std::any_of(names.begin(), names.end(),
                       [name](std::string_view each) { return sameWord(each, name); });
}

bool saysWhoAsks(std::string_view name) {
    return among(kForwarded, name) ||
           sameWord(name.substr(0, kForwardedPrefix.size()), kForwardedPrefix);
}

/// Adds an element to a field that is a list.
void append(http::Headers& fields, std::string_view name, const std::string& element) {
    std::string all;
    for (const std::string_view value : fields.getRawHeaders(name)) {
        all.append(value).append(", ");
    }
    all += element;
    fields.setRawHeaders(name, {std::string_view(all)});
}

/// The client's address as X-Forwarded-For has it; empty when it has none.
std::string hostOf(const Address& peer) {
    const bool numeric = peer.kind == Address::Kind::Ipv4 || peer.kind == Address::Kind::Ipv6;
    return numeric ? peer.host.substr(0, peer.host.find('%')) : std::string();
}

/// `for="[::1]";host="a:80";proto=http` (RFC 7239 §4).
std::string forwardedElement(const Address& peer, std::string_view host, std::string_view proto) {
    const std::string name = hostOf(peer);
    std::string element = "for=";
    if (name.empty()) {
        element += "unknown";
    } else {
        element += peer.kind == Address::Kind::Ipv6 ? "\"[" + name + "]\"" : name;
    }
    if (!host.empty()) {
        element.append(";host=\"").append(host).append("\"");
    }
    return element.append(";proto=").append(proto);
}

}  // namespace

std::optional<std::uint32_t> forwardsLeft(const http::Request& request) {
    const auto field = request.getHeader("Max-Forwards");
    if (!field || (request.method() != "TRACE" && request.method() != "OPTIONS")) {
        return std::nullopt;
    }
    std::uint32_t left = 0;
    const auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), left);
    if (error == std::errc::invalid_argument || end != field->data() + field->size()) {
        throw http::HttpError(http::kBadRequest, "Max-Forwards is no number");
    }
    return error == std::errc() ? left : std::numeric_limits<std::uint32_t>::max();
}

std::size_t timesPassed(http::Request& request, std::string_view via) {
    std::size_t times = 0;
    for (std::string_view element : listedIn(request.requestHeaders(), "Via")) {
        // 1.1 NAME (comment)
        element.remove_prefix(std::min(element.find_first_of(" \t"), element.size()));
        const std::string_view name = trimmed(element);
        times += sameWord(name.substr(0, name.find_first_of(" \t")), via) ? 1 : 0;
    }
    return times;
}

http::Headers forwardedRequest(http::Request& request, const std::string& via, bool preserveHost,
                               bool trustForwarded) {
    const http::Headers& sent = request.requestHeaders();
    http::Headers fields = endToEnd(sent, [trustForwarded](std::string_view name) {
        return !among(kOfTheRequest, name) && (trustForwarded || !saysWhoAsks(name));
    });
    const std::string host(request.authority());
    const std::string_view proto = request.isSecure() ? "https" : "http";
    if (preserveHost && !host.empty()) {
        fields.addRawHeader("Host", host);
    }
    append(fields, "Forwarded", forwardedElement(request.getPeer(), host, proto));
    if (const std::string peer = hostOf(request.getPeer()); !peer.empty()) {
        append(fields, "X-Forwarded-For", peer);
    }
    if (!host.empty() && !fields.hasHeader("X-Forwarded-Host")) {
        fields.addRawHeader("X-Forwarded-Host", host);
    }
    if (!fields.hasHeader("X-Forwarded-Proto")) {
        fields.addRawHeader("X-Forwarded-Proto", proto);
    }
    if (const auto left = forwardsLeft(request)) {
        fields.setRawHeaders("Max-Forwards", {std::to_string(*left - 1)});
    }
    append(fields, "Via", (request.version() == http::Version::Http10 ? "1.0 " : "1.1 ") + via);
    return fields;
}

http::Headers forwardedResponse(const http::Headers& response, const std::string& via) {
    const bool chunked = response.hasHeader("Transfer-Encoding");
    http::Headers fields = endToEnd(response, [chunked](std::string_view name) {
        return !chunked || !sameWord(name, "Content-Length");
    });
    append(fields, "Via", via);
    return fields;
}

}  // namespace marline::detail
