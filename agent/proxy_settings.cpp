#include <marline/agent/proxy_settings.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include <marline/agent/detail/host_name.hpp>
#include <marline/agent/detail/uri_text.hpp>

namespace marline {
namespace {

constexpr std::uint16_t kSocksPort = 1080;
constexpr std::size_t kMaxSocksField = 255;

Failure refuse(std::string_view text, const std::string& why) {
    return Failure::make<UriError>("bad proxy '" + detail::shown(text) + "': " + why);
}

/// User and password, decoded, as SOCKS takes them.
std::optional<SocksCredentials> socksCredentials(const std::string& userInfo) {
    const std::size_t colon = userInfo.find(':');
    if (colon == std::string::npos) {
        return std::nullopt;
    }
    SocksCredentials who{detail::percentDecoded(userInfo.substr(0, colon)),
                         detail::percentDecoded(userInfo.substr(colon + 1))};
    const auto fits = [](const std::string& text) {
        return !text.empty() && text.size() <= kMaxSocksField;
    };
    return fits(who.user) && fits(who.password) ? std::optional(std::move(who)) : std::nullopt;
}

/// The URI that leads to a SOCKS proxy: nothing but TCP is spoken below it.
Uri plainUri(const Uri& socks) {
    const std::uint16_t port = socks.port() != 0 ? socks.port() : kSocksPort;
    return Uri::parse("http://" + detail::bracketed(socks.host()) + ":" + std::to_string(port))
        .value();
}

/// A variable in lower case, else in upper case; empty when neither says anything.
std::string variable(const Environment& environment, const std::string& name) {
    if (const auto found = environment.find(name); found != environment.end()) {
        return found->second;
    }
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (upper == "HTTP_PROXY" && environment.contains("REQUEST_METHOD")) {
        return {};
    }
    const auto found = environment.find(upper);
    return found != environment.end() ? found->second : std::string();
}

}  // namespace

Result<Proxy> Proxy::parse(std::string_view text) {
    const bool bare = text.find("://") == std::string_view::npos;
    Result<Uri> parsed = Uri::parse(bare ? "http://" + std::string(text) : std::string(text));
    if (!parsed.ok()) {
        return refuse(text, "it is no [scheme://][user:password@]host[:port]");
    }
    const Uri& uri = parsed.value();
    if ((!uri.path().empty() && uri.path() != "/") || !uri.query().empty() ||
        !uri.fragment().empty()) {
        return refuse(text, "a proxy has no path");
    }
    if (uri.scheme() == "socks5" || uri.scheme() == "socks5h") {
        Proxy proxy(Kind::Socks5, plainUri(uri));
        proxy.credentials_ = socksCredentials(uri.userInfo());
        if (!uri.userInfo().empty() && !proxy.credentials_) {
            return refuse(text, "SOCKS5 takes a user and a password of 1 to 255 bytes each");
        }
        proxy.identity_ = proxy.toString() + " " + uri.userInfo();
        return proxy;
    }
    if (uri.scheme() != "http" && uri.scheme() != "https") {
        return refuse(text, "its scheme is none of http, https, socks5 and socks5h");
    }
    Proxy proxy(uri.scheme() == "http" ? Kind::Http : Kind::Https, uri.withoutUserInfo());
    proxy.authorization_ = uri.basicCredentials();
    proxy.identity_ = proxy.toString() + " " + proxy.authorization_;
    return proxy;
}

std::string Proxy::toString() const {
    constexpr const char* kSchemes[] = {"http", "https", "socks5"};
    return std::string(kSchemes[static_cast<std::size_t>(kind_)]) + "://" +
           detail::bracketed(uri_.host()) + ":" + std::to_string(uri_.port());
}

bool Proxy::takesAbsoluteForm(const Uri& uri) const noexcept {
    return kind_ != Kind::Socks5 && uri.scheme() == "http";
}

Result<ProxySettings> ProxySettings::fromEnvironment() {
    Environment environment;
    for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                             "ALL_PROXY", "no_proxy", "NO_PROXY", "REQUEST_METHOD"}) {
        if (const char* const value = std::getenv(name)) {
            environment.emplace(name, value);
        }
    }
    return fromEnvironment(environment);
}

Result<ProxySettings> ProxySettings::fromEnvironment(const Environment& environment) {
    ProxySettings settings;
    const auto set = [&](std::optional<Proxy>& proxy, const std::string& name) -> Result<> {
        const std::string text = variable(environment, name);
        if (text.empty()) {
            return {};
        }
        Result<Proxy> parsed = Proxy::parse(text);
        if (!parsed.ok()) {
            return Failure::make<UriError>(name + ": " + parsed.failure().message());
        }
        proxy = std::move(parsed).value();
        return {};
    };
    for (const auto& [proxy, name] :
         {std::pair(&settings.http, "http_proxy"), std::pair(&settings.https, "https_proxy")}) {
        Result<> done = set(*proxy, name);
        if (done.ok() && !*proxy && !environment.contains(name)) {
            done = set(*proxy, "all_proxy");
        }
        if (!done.ok()) {
            return done.failure();
        }
    }
    settings.noProxy = NoProxy(variable(environment, "no_proxy"));
    return settings;
}

const Proxy* ProxySettings::proxyFor(const Uri& uri) const {
    const std::optional<Proxy>& proxy = uri.scheme() == "https" ? https : http;
    return proxy && !noProxy.matches(uri.host(), uri.port()) ? &*proxy : nullptr;
}

}  // namespace marline
