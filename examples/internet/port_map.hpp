// PortMap: the way to an internet of its own, also from other processes than the one it is in.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <marline/marline.hpp>

namespace internet {

/// Sends each site's ports 80 and 443 to where it really listens; the addresses come from DNS.
class PortMap final : public marline::IResolver {
public:
    explicit PortMap(marline::Ref<marline::IResolver> dns) : dns_(std::move(dns)) {}

    void map(const std::string& name, std::uint16_t from, std::uint16_t to) {
        ports_[{name, from}] = to;
    }
    marline::Deferred<std::vector<marline::Address>> resolve(const std::string& name,
                                                             std::uint16_t port) override;
    /// A line for each port: name, from, to.
    std::string toString() const;

private:
    marline::Ref<marline::IResolver> dns_;
    std::map<std::pair<std::string, std::uint16_t>, std::uint16_t> ports_;
};

/// The variable of the environment that holds Internet::description() for programs that join it.
inline constexpr const char* kVariable = "EMBEDDED_INTERNET";

/// Points the reactor's resolver and trust at the internet that kVariable describes; without one
/// the real one stays. Throws std::runtime_error for what is no description.
void join(marline::Reactor& reactor);

}  // namespace internet
