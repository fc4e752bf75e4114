// Proxies: which one a request goes through, as programs are told by their users.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/agent/uri.hpp>
#include <marline/deferred/api.hpp>
#include <marline/deferred/result.hpp>
#include <marline/protocols/socks/socks5.hpp>
#include <marline/reactor/process.hpp>

namespace marline {

/// A proxy: where it is, how it is spoken to, and who asks it. A plain value.
class MARLINE_API Proxy {
public:
    /// What is spoken to it: HTTP in the open, HTTP over TLS, or SOCKS5.
    enum class Kind : std::uint8_t { Http, Https, Socks5 };

    /// Takes apart `[scheme://][user:password@]host[:port]`; the scheme is http (the default),
    /// https, socks5 or socks5h (both let the proxy look names up), the port 80, 443 or 1080 unless
    /// given. A UriError, which does not show the password, when it is none of these.
    static Result<Proxy> parse(std::string_view text);

    Kind kind() const noexcept { return kind_; }
    /// Where the proxy is, as a URI whose scheme says whether TLS is spoken to it: https, or http
    /// for the others. Without user and password.
    const Uri& uri() const noexcept { return uri_; }
    /// What Proxy-Authorization says to an HTTP proxy (RFC 7617); empty when nobody is named.
    const std::string& authorization() const noexcept { return authorization_; }
    /// What a SOCKS5 proxy is told (RFC 1929).
    const std::optional<SocksCredentials>& credentials() const noexcept { return credentials_; }
    /// Scheme, host and port, for messages: without user and password.
    std::string toString() const;
    /// Whether a request for `uri` is sent to the proxy itself, in absolute form; else it goes
    /// through a tunnel.
    bool takesAbsoluteForm(const Uri& uri) const noexcept;
    /// Tells proxies and who asks them apart. Has the password: not for messages.
    const std::string& identity() const noexcept { return identity_; }

    friend bool operator==(const Proxy& a, const Proxy& b) noexcept {
        return a.identity_ == b.identity_;
    }

private:
    Proxy(Kind kind, Uri uri) : kind_(kind), uri_(std::move(uri)) {}

    Kind kind_;
    Uri uri_;
    std::string authorization_;
    std::optional<SocksCredentials> credentials_;
    std::string identity_;
};

/// The hosts that are reached without a proxy, as `NO_PROXY` names them.
///
/// A list, separated by commas or blanks, of: `*` (every host); `example.org` or `.example.org`
/// (that host and all below it); a numeric address, IPv6 with or without brackets; a network
/// `10.0.0.0/8` or `fd00::/8`, for numeric hosts (names are not looked up). All but networks may
/// end in `:port`, IPv6 then in brackets. Case, a dot at the end, and the way in which an address
/// is written make no difference; what is none of these matches nothing.
class MARLINE_API NoProxy {
public:
    NoProxy() = default;
    explicit NoProxy(std::string_view list);

    /// Whether `host`, a name or a numeric address without brackets, is in the list.
    bool matches(std::string_view host, std::uint16_t port) const;

private:
    struct Rule {
        std::string name;        // a host and all below it; empty: any
        std::string address;     // 16 bytes of it, or of a network's; empty: a name
        unsigned bits = 0;       // how many of its bits count
        std::uint16_t port = 0;  // 0: any
    };
    static std::optional<Rule> parseRule(std::string_view text);

    std::vector<Rule> rules_;
};

/// Which proxy requests go through.
struct MARLINE_API ProxySettings {
    /// For http and https URIs; empty: none.
    std::optional<Proxy> http = {};
    std::optional<Proxy> https = {};
    /// Who is reached without.
    NoProxy noProxy = {};

    /// The same proxy for everything.
    static ProxySettings all(const Proxy& proxy) { return {proxy, proxy, {}}; }

    /// What `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` say, in lower case or upper
    /// case. Lower case wins, and when it is empty it means none. `all_proxy` is for the schemes
    /// whose own variable is not set. `HTTP_PROXY` does not count where `REQUEST_METHOD` is set: a
    /// CGI program gets it from whoever sends a `Proxy:` field (CVE-2016-5385).
    ///
    /// A UriError that names the variable when one is no proxy.
    static Result<ProxySettings> fromEnvironment();
    static Result<ProxySettings> fromEnvironment(const Environment& environment);

    /// The proxy for `uri`; null when there is none.
    const Proxy* proxyFor(const Uri& uri) const;
};

}  // namespace marline
