#include <marline/protocols/policies/throttling.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include <marline/deferred/function.hpp>

namespace marline {
namespace {

/// Counts bytes against a limit per second, and says when to pause and when to go on.
class Meter {
public:
    Meter(IReactorTime& clock, std::size_t limit, UniqueFunction<void(bool)> throttle)
        : clock_(clock), limit_(limit), throttle_(std::move(throttle)) {}
    Meter(const Meter&) = delete;
    Meter& operator=(const Meter&) = delete;
    ~Meter() {
        if (release_.active()) {
            release_.cancel();
        }
    }

    bool throttled() const noexcept { return release_.active(); }

    void count(std::size_t bytes) {
        if (limit_ == 0) {
            return;
        }
        const Duration now = clock_.seconds();
        if (!throttled() && now - since_ >= kWindow) {
            since_ = now;
            bytes_ = 0;
        }
        bytes_ += bytes;
        if (bytes_ <= limit_) {
            return;
        }
        const std::chrono::duration<double> worth(static_cast<double>(bytes_) /
                                                  static_cast<double>(limit_));
        const Duration rest = since_ + std::chrono::duration_cast<Duration>(worth) - now;
        if (throttled()) {
            release_.reset(rest);
            return;
        }
        release_ = clock_.callLater(rest, [this] { throttle_(false); });
        throttle_(true);
    }

private:
    static constexpr Duration kWindow = std::chrono::seconds(1);

    IReactorTime& clock_;
    std::size_t limit_;
    UniqueFunction<void(bool)> throttle_;
    std::size_t bytes_ = 0;  // since then
    Duration since_ = Duration::min() / 2;
    DelayedCall release_;
};

/// Stands between a transport and the producer that is registered with it: that one is paused when
/// the transport or the limit wants it. Each call may be the last, so what it does comes last.
class PausedProducer final : public IProducer {
public:
    PausedProducer(IProducer& producer, Producing mode, bool throttled) noexcept
        : producer_(&producer), mode_(mode), throttled_(throttled) {}

    void pauseProducing() override {
        full_ = true;
        if (!throttled_) {
            producer_->pauseProducing();
        }
    }
    void resumeProducing() override {
        full_ = false;
        wanted_ = true;
        if (!throttled_) {
            go();
        }
    }
    void stopProducing() override { std::exchange(producer_, nullptr)->stopProducing(); }

    void throttle(bool on) {
        throttled_ = on;
        if (full_ || producer_ == nullptr) {
            return;
        }
        if (!on) {
            go();
        } else if (mode_ == Producing::Push) {
            producer_->pauseProducing();
        }
    }

private:
    void go() {
        if (std::exchange(wanted_, false) || mode_ == Producing::Push) {
            producer_->resumeProducing();
        }
    }

    IProducer* producer_;  // null once it was stopped
    Producing mode_;
    bool throttled_;
    bool full_ = false;    // the transport wants a push producer to wait
    bool wanted_ = false;  // the transport wants a pull producer to write
};

}  // namespace

struct ThrottlingFactory::Meters {
    Meters(IReactorTime& clock, const ThrottlingLimits& limits);
    /// Calls `apply` for every connection.
    template <class Apply>
    void forEach(Apply apply) const {
        for (const auto& one :
             std::vector<Ref<Connection>>(connections.begin(), connections.end())) {
            apply(*one);
        }
    }

    std::size_t maxConnections;
    std::vector<Connection*> connections;
    Meter read;
    Meter written;
};

class ThrottlingFactory::Connection final : public ProtocolWrapper {
public:
    Connection(Ref<ThrottlingFactory> factory, Ref<IProtocol> inner)
        : ProtocolWrapper(std::move(inner)), factory_(std::move(factory)) {
        meters().connections.push_back(this);
    }
    ~Connection() override { leave(); }

    void makeConnection(ITransport& transport) override {
        ProtocolWrapper::makeConnection(transport);
        if (meters().read.throttled()) {
            throttleReads(true);
        }
    }
    void dataReceived(std::span<const std::byte> data) override {
        meters().read.count(data.size());
        ProtocolWrapper::dataReceived(data);
    }
    void connectionLost(const Failure& reason) override {
        leave();
        ProtocolWrapper::connectionLost(reason);
    }
    void write(std::span<const std::byte> data) override {
        ProtocolWrapper::write(data);
        meters().written.count(data.size());
    }
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override {
        ProtocolWrapper::writeSequence(pieces);
        std::size_t bytes = 0;
        for (const std::span<const std::byte> piece : pieces) {
            bytes += piece.size();
        }
        meters().written.count(bytes);
    }
    void pauseProducing() override {
        paused_ = true;
        ProtocolWrapper::pauseProducing();
    }
    void resumeProducing() override {
        paused_ = false;
        if (!meters().read.throttled()) {
            ProtocolWrapper::resumeProducing();
        }
    }
    void registerProducer(IProducer& producer, Producing mode) override {
        if (producer_) {
            throw std::logic_error("a producer is registered already; unregister it first");
        }
        const bool throttled = meters().written.throttled();
        producer_ = std::make_unique<PausedProducer>(producer, mode, throttled);
        if (throttled && mode == Producing::Push) {
            producer.pauseProducing();
        }
        ProtocolWrapper::registerProducer(*producer_, mode);
    }
    void unregisterProducer() override {
        ProtocolWrapper::unregisterProducer();
        producer_.reset();
    }

    void throttleReads(bool on) {
        if (on) {
            ProtocolWrapper::pauseProducing();
        } else if (!paused_) {
            ProtocolWrapper::resumeProducing();
        }
    }
    void throttleWrites(bool on) {
        if (producer_) {
            producer_->throttle(on);
        }
    }

private:
    Meters& meters() const { return *factory_->meters_; }
    void leave() { std::erase(meters().connections, this); }

    Ref<ThrottlingFactory> factory_;
    std::unique_ptr<PausedProducer> producer_;
    bool paused_ = false;
};

ThrottlingFactory::Meters::Meters(IReactorTime& clock, const ThrottlingLimits& limits)
    : maxConnections(limits.maxConnections),
      read(clock, limits.readLimit,
           [this](bool on) { forEach([on](Connection& one) { one.throttleReads(on); }); }),
      written(clock, limits.writeLimit,
              [this](bool on) { forEach([on](Connection& one) { one.throttleWrites(on); }); }) {}

ThrottlingFactory::ThrottlingFactory(IReactorTime& clock, Ref<IProtocolFactory> factory,
                                     const ThrottlingLimits& limits)
    : WrappingFactory(std::move(factory)), meters_(std::make_unique<Meters>(clock, limits)) {}

ThrottlingFactory::~ThrottlingFactory() = default;

std::size_t ThrottlingFactory::connectionCount() const noexcept {
    return meters_->connections.size();
}

bool ThrottlingFactory::readsThrottled() const noexcept { return meters_->read.throttled(); }

bool ThrottlingFactory::writesThrottled() const noexcept { return meters_->written.throttled(); }

Ref<IProtocol> ThrottlingFactory::buildProtocol(const Address& peer) {
    if (meters_->maxConnections > 0 && connectionCount() >= meters_->maxConnections) {
        return {};
    }
    return WrappingFactory::buildProtocol(peer);
}

Ref<IProtocol> ThrottlingFactory::wrap(Ref<IProtocol> inner) {
    return makeRef<Connection>(Ref<ThrottlingFactory>(this), std::move(inner));
}

}  // namespace marline
