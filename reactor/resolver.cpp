#include <marline/reactor/resolver.hpp>

#include <algorithm>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {
namespace {

std::string lower(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return name;
}

}  // namespace

Deferred<ResolvedAddresses> IResolver::resolveWithTtl(const std::string& name, std::uint16_t port) {
    return resolve(name, port).addCallback([](std::vector<Address> addresses) {
        return ResolvedAddresses{std::move(addresses), std::nullopt};
    });
}

void StaticResolver::add(const std::string& name, std::uint16_t port, Address to) {
    known_[{lower(name), port}].push_back(std::move(to));
}

Deferred<std::vector<Address>> StaticResolver::resolve(const std::string& name,
                                                       std::uint16_t port) {
    for (const std::uint16_t asked : {port, std::uint16_t{0}}) {
        const auto found = known_.find({lower(name), asked});
        if (found != known_.end()) {
            std::vector<Address> addresses = found->second;
            for (Address& address : addresses) {
                address.port = address.port != 0 ? address.port : port;
            }
            return succeed(std::move(addresses));
        }
    }
    if (rest_) {
        return rest_->resolve(name, port);
    }
    return fail<std::vector<Address>>(
        DNSLookupError("address of " + name + " not found: it is not in the StaticResolver"));
}

bool parseNumericAddress(const std::string& text, std::uint16_t port, Address& out) {
    detail::SocketAddress address;
    if (text.empty() || !detail::SocketAddress::parse(text, port, address)) {
        return false;
    }
    out = Address::fromSockaddr(address.get(), address.length);
    return true;
}

}  // namespace marline
