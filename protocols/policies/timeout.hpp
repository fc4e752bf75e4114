// TimeoutMixin and TimeoutFactory: connections on which nothing happens are closed.
#pragma once

#include <optional>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/policies/protocol_wrapper.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// Calls a function when it was not reset for a while. Dropping it stops it.
class MARLINE_API IdleTimer {
public:
    /// Does nothing until set(). `clock` must outlive it, unless it is off by then.
    IdleTimer(IReactorTime& clock, UniqueFunction<void()> expired)
        : clock_(clock), expired_(std::move(expired)) {}
    IdleTimer(const IdleTimer&) = delete;
    IdleTimer& operator=(const IdleTimer&) = delete;
    ~IdleTimer() { set({}); }

    /// Begins anew with this period, or ends when there is none; gives the period before. A
    /// negative one throws std::invalid_argument, and nothing has changed.
    std::optional<Duration> set(std::optional<Duration> period);
    /// Begins the period anew; costs next to nothing. Does nothing when it is off or has expired.
    void reset();

private:
    IReactorTime& clock_;
    UniqueFunction<void()> expired_;
    std::optional<Duration> period_;
    DelayedCall call_;
};

/// Gives the protocol class `Base` an idle timeout (Twisted: `TimeoutMixin`). Off at first, and
/// off again once the connection is lost.
///
///     class Chat : public TimeoutMixin<LineReceiver> {
///     public:
///         explicit Chat(Reactor& reactor) : TimeoutMixin(reactor) {}
///         void connectionMade() override { setTimeout(60s); }
///         void lineReceived(std::string_view line) override { resetTimeout(); … }
///     };
template <class Base>
class TimeoutMixin : public Base {
public:
    /// `args` are for Base.
    template <class... Args>
    explicit TimeoutMixin(IReactorTime& clock, Args&&... args)
        : Base(std::forward<Args>(args)...), timer_(clock, [this] { timeoutConnection(); }) {}

    /// Lets the timeout begin, now, with this period; or turns it off. Gives the period before.
    std::optional<Duration> setTimeout(std::optional<Duration> period) {
        return timer_.set(period);
    }
    /// Something happened: the period begins anew.
    void resetTimeout() { timer_.reset(); }

    /// Turns the timeout off. Overrides call this one last.
    void connectionLost(const Failure& reason) override {
        timer_.set({});
        Base::connectionLost(reason);
    }

protected:
    ~TimeoutMixin() override = default;

    /// Nothing happened for the whole period. Unless overridden it loses the connection, which
    /// waits until the peer has taken what was written; override it with abortConnection() for
    /// peers that may not.
    virtual void timeoutConnection() {
        if (this->transport() != nullptr) {
            this->transport()->loseConnection();
        }
    }

private:
    IdleTimer timer_;
};

/// Loses connections on which nothing was received or written for a while, whatever their
/// protocols are (Twisted: `TimeoutFactory`).
class MARLINE_API TimeoutFactory final : public WrappingFactory {
public:
    /// `clock` must outlive the connections.
    TimeoutFactory(IReactorTime& clock, Ref<IProtocolFactory> factory,
                   Duration period = std::chrono::seconds(30))
        : WrappingFactory(std::move(factory)), clock_(clock), period_(period) {}

private:
    Ref<IProtocol> wrap(Ref<IProtocol> inner) override;

    IReactorTime& clock_;
    Duration period_;
};

}  // namespace marline
