#include <marline/agent/detail/proxied_fields.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <marline/agent/detail/field_list.hpp>
#include <marline/reactor/address.hpp>

namespace marline::detail {
namespace {

// RFC 9110 §7.6.1, and what older ones send. Content-Length is said by who frames the body.
constexpr std::array<std::string_view, 9> kOfTheConnection = {"Connection",
                                                              "Keep-Alive",
                                                              "Proxy-Authenticate",
                                                              "Proxy-Authorization",
                                                              "Proxy-Connection",
                                                              "TE",
                                                              "Trailer",
                                                              "Transfer-Encoding",
                                                              "Upgrade"};
// Proxy becomes HTTP_PROXY in a CGI program (CVE-2016-5385).
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

/// Adds the fields that are neither `fields`' connection's nor in `others`.
template <class Pass>
http::Headers endToEnd(const http::Headers& fields, Pass pass) {
    const std::vector<std::string_view> named = listedIn(fields, "Connection");
    http::Headers kept;
    for (const auto& [name, value] : fields) {
        if (!among(kOfTheConnection, name) && !among(named, name) && pass(name)) {
            kept.addRawHeader(name, value);
        }
    }
    return kept;
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
