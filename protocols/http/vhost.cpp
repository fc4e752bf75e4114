#include <marline/protocols/http/vhost.hpp>

#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

std::string lowered(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return lower;
}

}  // namespace

void NameVirtualHost::addHost(std::string_view name, Ref<Resource> resource) {
    hosts_.insert_or_assign(lowered(name), std::move(resource));
}

void NameVirtualHost::removeHost(std::string_view name) { hosts_.erase(lowered(name)); }

Ref<Resource> NameVirtualHost::standIn(Request& request) {
    const auto at = hosts_.find(request.getRequestHostname());
    return at == hosts_.end() ? fallback_ : at->second;
}

Rendered NameVirtualHost::render(Request&) {
    return HttpError(kNotFound, "there is no such host here");
}

}  // namespace marline::http
