#include <marline/protocols/http/vhost.hpp>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {

using marline::detail::lowerCase;

void NameVirtualHost::addHost(std::string_view name, Ref<Resource> resource) {
    hosts_.insert_or_assign(lowerCase(name), std::move(resource));
}

void NameVirtualHost::removeHost(std::string_view name) { hosts_.erase(lowerCase(name)); }

Ref<Resource> NameVirtualHost::standIn(Request& request) {
    const auto at = hosts_.find(request.getRequestHostname());
    return at == hosts_.end() ? fallback_ : at->second;
}

Rendered NameVirtualHost::render(Request&) {
    return HttpError(kNotFound, "there is no such host here");
}

}  // namespace marline::http
