#include <marline/protocols/policies/timeout.hpp>

namespace marline {
namespace {

class TimeoutProtocol final : public ProtocolWrapper {
public:
    TimeoutProtocol(IReactorTime& clock, Duration period, Ref<IProtocol> inner)
        : ProtocolWrapper(std::move(inner)), period_(period),
          timer_(clock, [this] { loseConnection(); }) {}

    void makeConnection(ITransport& transport) override {
        timer_.set(period_);
        ProtocolWrapper::makeConnection(transport);
    }
    void dataReceived(std::span<const std::byte> data) override {
        timer_.reset();
        ProtocolWrapper::dataReceived(data);
    }
    void write(std::span<const std::byte> data) override {
        timer_.reset();
        ProtocolWrapper::write(data);
    }
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override {
        timer_.reset();
        ProtocolWrapper::writeSequence(pieces);
    }
    void connectionLost(const Failure& reason) override {
        timer_.set({});
        ProtocolWrapper::connectionLost(reason);
    }

private:
    Duration period_;
    IdleTimer timer_;
};

}  // namespace

std::optional<Duration> IdleTimer::set(std::optional<Duration> period) {
    DelayedCall next;
    if (period) {
        next = clock_.callLater(*period, [this] { expired_(); });
    }
    if (call_.active()) {
        call_.cancel();
    }
    call_ = next;
    return std::exchange(period_, period);
}

void IdleTimer::reset() {
    if (call_.active()) {
        call_.reset(*period_);
    }
}

Ref<IProtocol> TimeoutFactory::wrap(Ref<IProtocol> inner) {
    return makeRef<TimeoutProtocol>(clock_, period_, std::move(inner));
}

}  // namespace marline
