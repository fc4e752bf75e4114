// ThrottlingFactory: so many bytes in a second, and so many connections.
#pragma once

#include <cstddef>
#include <memory>

#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/policies/protocol_wrapper.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// What a ThrottlingFactory allows to all its connections together; 0 is no limit.
struct ThrottlingLimits {
    /// Connections at a time; further ones are closed at once.
    std::size_t maxConnections = 0;
    /// Bytes that are read in a second.
    std::size_t readLimit = 0;
    /// Bytes that are written in a second by registered producers, which can be made to wait. What
    /// others write is counted and sent.
    std::size_t writeLimit = 0;
};

/// Limits the bandwidth of a factory's connections (Twisted: `ThrottlingFactory`).
///
/// Once more was read, or written, than one second allows, reading, or the producers, are paused
/// on all connections until enough time has passed for it: so it is right on average.
class MARLINE_API ThrottlingFactory final : public WrappingFactory {
public:
    /// `clock` must outlive the factory and the connections.
    ThrottlingFactory(IReactorTime& clock, Ref<IProtocolFactory> factory,
                      const ThrottlingLimits& limits);

    std::size_t connectionCount() const noexcept;
    /// True while reading, or the producers, are paused for their limit.
    bool readsThrottled() const noexcept;
    bool writesThrottled() const noexcept;

    Ref<IProtocol> buildProtocol(const Address& peer) override;

private:
    class Connection;
    struct Meters;

    ~ThrottlingFactory() override;

    Ref<IProtocol> wrap(Ref<IProtocol> inner) override;

    std::unique_ptr<Meters> meters_;
};

}  // namespace marline
