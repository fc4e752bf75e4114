// Internal: not installed. Two connections that are joined.
#pragma once

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/producer.hpp>

namespace marline::detail {

/// One of two connections: what comes here is written to the other one.
class Relay final : public Protocol, public IProducer {
public:
    /// Joins the two, which are connected and belong to nobody yet.
    static void join(Relay& one, Relay& other);

    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;
    bool wantsHalfClose() const noexcept override { return true; }
    void readConnectionLost() override;

    void pauseProducing() override;
    void resumeProducing() override;
    void stopProducing() override {}

private:
    Relay* other_ = nullptr;
};

}  // namespace marline::detail
