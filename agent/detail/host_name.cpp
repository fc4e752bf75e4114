#include <marline/agent/detail/host_name.hpp>

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace marline::detail {

bool isAddress(std::string_view host) noexcept {
    if (host.find(':') != std::string_view::npos) {
        return true;
    }
    std::array<char, INET_ADDRSTRLEN> text{};
    if (host.size() >= text.size()) {
        return false;
    }
    std::copy(host.begin(), host.end(), text.begin());
    in_addr ignored{};
    return ::inet_pton(AF_INET, text.data(), &ignored) == 1;
}

std::string bracketed(const std::string& host) {
    return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace marline::detail
