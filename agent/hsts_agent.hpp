// HstsAgent: uses https where a server once asked for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <marline/agent/iagent.hpp>
#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>
#include <marline/protocols/http/http_date.hpp>

namespace marline {

/// How much an HstsStore holds.
struct HstsOptions {
    /// Hosts; one more drops the one that was noted first.
    std::size_t maxHosts = 10'000;
    /// Hosts of one registrable domain (`example.co.uk`, by libpsl), whose owner can make as many
    /// as they like; one more drops the one of them that was noted first.
    std::size_t maxPerDomain = 100;
};

/// The hosts that asked for https (RFC 6797: known HSTS hosts). Shared by agents of one thread.
class MARLINE_API HstsStore final : public RefCounted {
public:
    explicit HstsStore(HstsOptions options = {}) : options_(options) {}

    /// Notes what the Strict-Transport-Security field `text` of a verified answer from `host` says
    /// (§8.1); `max-age=0` forgets the host. False when it is ignored: the field is malformed, or
    /// the host is an IP address.
    bool note(std::string_view host, std::string_view text, http::HttpTime now);
    bool note(std::string_view host, std::string_view text) { return note(host, text, present()); }

    /// Whether `host` is to be asked by https only: it was noted, or a domain above it was with
    /// includeSubDomains (§8.2). An IP address never is.
    bool knows(std::string_view host, http::HttpTime now) const;
    bool knows(std::string_view host) const { return knows(host, present()); }

    /// `uri` as it is to be requested: https instead of http for a known host, and port 443 instead
    /// of 80, any other port stays (§8.3).
    Uri upgraded(const Uri& uri, http::HttpTime now) const;
    Uri upgraded(const Uri& uri) const { return upgraded(uri, present()); }

    /// Hosts, those whose time has passed included.
    std::size_t size() const noexcept { return hosts_.size(); }
    void clear() noexcept {
        hosts_.clear();
        perDomain_.clear();
    }

    /// The hosts as curl keeps them, a line each: `.example.org "20270131 12:00:00"`, where the dot
    /// stands for includeSubDomains.
    std::string toText() const;
    /// Adds what such a text has, what is over excepted; an Error with the number of the first line
    /// that is none, and then nothing is added.
    Result<std::size_t> addText(std::string_view text);
    /// Writes toText() to a file that only its owner can read, never by half. Throws
    /// std::system_error.
    void save(const std::string& path) const;
    /// Adds what the file at `path` has; std::system_error when it cannot be read.
    Result<std::size_t> load(const std::string& path);

private:
    struct Host {
        http::HttpTime expires;
        bool subdomains;
        std::uint64_t noted;  // the order they came in
        std::string owned;    // the registrable domain
    };

    using Hosts = std::map<std::string, Host, std::less<>>;

    ~HstsStore() override = default;

    static http::HttpTime present();
    void keep(std::string host, http::HttpTime expires, bool subdomains, http::HttpTime now);
    void makeRoom(const std::string& owned, http::HttpTime now);
    Hosts::iterator forget(Hosts::iterator which);

    HstsOptions options_;
    Hosts hosts_;
    std::map<std::string, std::size_t> perDomain_;  // how many of each registrable domain
    std::uint64_t noted_ = 0;
};

/// How an HstsAgent behaves.
struct HstsAgentOptions {
    /// Whether the agent inside verifies the servers of https. When it does not
    /// (TlsContext::insecure()), nothing is remembered (RFC 6797 §8.1).
    bool verified = true;
};

/// Sends http requests to hosts that asked for it as https (RFC 6797), and remembers which did:
/// only answers that came by https count. Response::uri() says what was requested in fact.
///
/// Put CookieAgent inside and RedirectAgent around, so that Secure cookies are sent and redirects
/// are upgraded, and CacheAgent inside, which does not keep what another URI has answered:
///
///     auto known = makeRef<HstsStore>();
///     RedirectAgent agent{HstsAgent{CookieAgent{Agent{reactor}, jar}, known}};
class MARLINE_API HstsAgent : public AgentHandle {
public:
    HstsAgent(const AgentHandle& agent, Ref<HstsStore> known, HstsAgentOptions options = {});
};

}  // namespace marline
