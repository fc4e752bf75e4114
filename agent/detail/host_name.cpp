#include <marline/agent/detail/host_name.hpp>

namespace marline::detail {

bool isAddress(std::string_view host) noexcept {
    if (host.find(':') != std::string_view::npos) {
        return true;
    }
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    const std::string_view last = host.substr(host.rfind('.') + 1);
    return !last.empty() && last.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string bracketed(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace marline::detail
