// NameVirtualHost: several sites at one address.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <marline/protocols/http/resource.hpp>

namespace marline::http {

/// Gives each request to the resource of the host that it asks for (Twisted:
/// `vhost.NameVirtualHost`); a host that nobody knows to `fallback`, or a 404 without one.
///
///     auto hosts = makeRef<http::NameVirtualHost>();
///     hosts->addHost("example.org", www);
///     auto site = makeRef<http::Site>(reactor, hosts);
class MARLINE_API NameVirtualHost final : public Resource {
public:
    explicit NameVirtualHost(Ref<Resource> fallback = {}) : fallback_(std::move(fallback)) {}

    /// `name` without a port, in any case. It takes the place of the one before.
    void addHost(std::string_view name, Ref<Resource> resource);
    void removeHost(std::string_view name);

    Ref<Resource> standIn(Request& request) override;
    bool isLeaf() const noexcept override { return true; }
    Rendered render(Request& request) override;

private:
    std::map<std::string, Ref<Resource>, std::less<>> hosts_;
    Ref<Resource> fallback_;
};

}  // namespace marline::http
