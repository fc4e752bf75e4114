// Names of the world that lead to this machine, so that the guide's snippets can run.
#pragma once

#include <cstdint>
#include <string>

#include <marline/reactor/reactor.hpp>
#include <marline/reactor/resolver.hpp>

namespace marline::test {

/// From now on whoever asks `reactor` for `name` and `port` is led to `to`, and other names fail.
inline void leadTo(Reactor& reactor, const std::string& name, std::uint16_t port,
                   const Address& to) {
    const auto names = makeRef<StaticResolver>();
    names->add(name, port, to);
    reactor.installNameResolver(names);
}

}  // namespace marline::test
