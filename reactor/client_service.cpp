#include <marline/reactor/client_service.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/watched_protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

using detail::WatchedFactory;
using detail::WatchedProtocol;

Duration upToASecond() {
    thread_local std::minstd_rand random{std::random_device{}()};
    return std::chrono::nanoseconds(
        std::uniform_int_distribution<std::int64_t>(0, 1'000'000'000)(random));
}

}  // namespace

RetryPolicy backoffPolicy(BackoffOptions options) {
    if (!options.jitter) {
        options.jitter = &upToASecond;
    }
    return [options = std::move(options)](unsigned failures) mutable -> Duration {
        const double longest = static_cast<double>(options.maxDelay.count());
        const double delay = static_cast<double>(options.initialDelay.count()) *
                             std::pow(options.factor, static_cast<double>(failures));
        // Infinity, as of great counts, is more than the longest.
        const Duration capped =
            delay < longest ? Duration(static_cast<Duration::rep>(delay)) : options.maxDelay;
        return later(capped, options.jitter());
    };
}

/// The machine; its callbacks keep it while something is under way, whoever drops the service.
///
///     Idle --start--> Connecting --made and prepared--> Connected --lost--> Waiting
///     Connecting --failed--> Waiting --time--> Connecting
///     Connecting, Connected --stop--> Disconnecting --ended--> Stopped --start--> Connecting
///     Waiting --stop--> Stopped;  Disconnecting --start--> Restarting --ended--> Connecting
///     Restarting --stop--> Disconnecting
class ClientService::State final : public RefCounted {
public:
    State(IReactorTime& clock, Ref<IStreamClientEndpoint> endpoint, Ref<IProtocolFactory> factory,
          ClientServiceOptions options)
        : clock_(clock), endpoint_(std::move(endpoint)), factory_(std::move(factory)),
          options_(std::move(options)) {}

    void start();
    Deferred<> stop();
    Deferred<Ref<IProtocol>> whenConnected(unsigned failAfterFailures);

private:
    enum class Is : unsigned char {
        Idle,
        Connecting,
        Waiting,
        Connected,
        Disconnecting,
        Restarting,
        Stopped
    };
    struct Waiter {
        DeferredSource<Ref<IProtocol>> source;
        unsigned failuresLeft;  // 0: waits for ever
    };
    using Waiters = std::map<std::uint64_t, Waiter>;

    void connect();
    Deferred<> made(const Ref<IProtocol>& protocol);
    void prepared();
    void failed(const Failure& why);
    void lost(const WatchedProtocol& connection, const Failure& reason);
    void attemptFailed(const Failure& why);
    void wait();
    Duration nextDelay();
    void ended();
    void failWaiters(const Failure& why, bool all);

    IReactorTime& clock_;
    Ref<IStreamClientEndpoint> endpoint_;
    Ref<IProtocolFactory> factory_;
    ClientServiceOptions options_;
    Is is_ = Is::Idle;
    bool attempting_ = false;  // from connect() to prepared() or failed()
    unsigned failures_ = 0;
    std::uint64_t attempts_ = 0;
    std::optional<Deferred<>> attempt_;  // to be cancelled; none while it runs inside of connect()
    std::optional<Failure> why_;         // of an attempt that waits for its connection to end
    Ref<WatchedProtocol> connection_;    // from made() to lost()
    DelayedCall retry_;
    Waiters waiters_;
    std::uint64_t nextWaiter_ = 0;
    std::vector<DeferredSource<>> stopped_;
};

void ClientService::State::start() {
    switch (is_) {
    case Is::Idle:
    case Is::Stopped: connect(); return;
    case Is::Disconnecting: is_ = Is::Restarting; return;
    case Is::Connecting:
    case Is::Waiting:
    case Is::Connected:
    case Is::Restarting: break;
    }
    log(LogLevel::Warning, "startService() on a ClientService that has been started");
}

void ClientService::State::connect() {
    const Ref<State> self(this);
    is_ = Is::Connecting;
    attempting_ = true;
    why_.reset();
    const std::uint64_t id = ++attempts_;
    auto watch = [self](Ref<IProtocol> inner) -> Ref<IProtocol> {
        return makeRef<detail::WatchedProtocol>(
            std::move(inner), [self](const WatchedProtocol& connection, const Failure& reason) {
                self->lost(connection, reason);
            });
    };
    Deferred<> attempt =
        maybeDeferred(
            [&] { return endpoint_->connect(makeRef<WatchedFactory>(factory_, std::move(watch))); })
            .addCallback([self](const Ref<IProtocol>& protocol) { return self->made(protocol); })
            .addCallbacks([self] { self->prepared(); },
                          [self](const Failure& why) { self->failed(why); });
    if (attempting_ && attempts_ == id) {
        attempt_ = attempt;
    }
}

/// The connection stands; whoever waits for it waits for the preparation too.
Deferred<> ClientService::State::made(const Ref<IProtocol>& protocol) {
    Ref<WatchedProtocol> connection(dynamic_cast<WatchedProtocol*>(protocol.get()));
    if (!connection || connection->transport() == nullptr) {
        return fail(ConnectionLost(connection ? "the connection was lost before it was used"
                                              : "the endpoint gave a protocol that the factory of "
                                                "the ClientService did not build"));
    }
    connection_ = std::move(connection);
    if (is_ != Is::Connecting || !options_.prepareConnection) {
        return succeed();
    }
    return maybeDeferred([&] { return options_.prepareConnection(connection_->inner()); });
}

void ClientService::State::prepared() {
    attempting_ = false;
    attempt_.reset();
    if (!connection_) {
        attemptFailed(ConnectionLost("the connection was lost while it was prepared"));
    } else if (is_ != Is::Connecting) {
        connection_->transport()->loseConnection();  // stopped meanwhile
    } else {
        is_ = Is::Connected;
        failures_ = 0;
        const Ref<IProtocol> protocol = connection_->inner();
        for (auto& [id, waiter] : std::exchange(waiters_, {})) {
            waiter.source.callback(protocol);
        }
    }
}

void ClientService::State::failed(const Failure& why) {
    attempting_ = false;
    attempt_.reset();
    if (!why_) {
        why_ = why;
    }
    if (connection_) {
        connection_->transport()->abortConnection();  // it goes on when that is lost
    } else {
        attemptFailed(*why_);
    }
}

void ClientService::State::lost(const WatchedProtocol& connection, const Failure& reason) {
    if (connection_.get() != &connection) {
        return;  // one that lost a race, or was never used
    }
    const Ref<State> alive(this);
    const Ref<WatchedProtocol> kept = std::exchange(connection_, {});
    if (attempting_) {
        why_ = reason;
        if (attempt_) {
            Deferred<> attempt = *attempt_;
            attempt.cancel();
        }
    } else if (is_ == Is::Connected) {
        wait();
    } else if (is_ == Is::Connecting) {
        attemptFailed(*why_);
    } else {
        ended();
    }
}

void ClientService::State::attemptFailed(const Failure& why) {
    if (is_ == Is::Connecting) {
        const Failure reason = why;
        wait();
        failWaiters(reason, false);
    } else {
        ended();
    }
}

void ClientService::State::wait() {
    is_ = Is::Waiting;
    ++failures_;
    retry_ = clock_.callLater(nextDelay(), [self = Ref<State>(this)] { self->connect(); });
}

Duration ClientService::State::nextDelay() {
    constexpr Duration kWithoutPolicy = std::chrono::seconds(60);
    try {
        return std::max(options_.retryPolicy(failures_), Duration::zero());
    } catch (...) {
        log(LogLevel::Error, "the retryPolicy of a ClientService failed, trying again in 60 s: " +
                                 Failure::current().brief());
        return kWithoutPolicy;
    }
}

Deferred<> ClientService::State::stop() {
    if (is_ == Is::Idle || is_ == Is::Stopped) {
        is_ = Is::Stopped;
        failWaiters(CancelledError("the ClientService was stopped"), true);
        return succeed();
    }
    const Ref<State> alive(this);
    stopped_.emplace_back();
    Deferred<> result = stopped_.back().deferred();
    const Is was = std::exchange(is_, Is::Disconnecting);
    if (was == Is::Waiting) {
        retry_.cancel();
        ended();
    } else if (was == Is::Connected) {
        connection_->transport()->loseConnection();
    } else if (was == Is::Connecting && attempt_) {
        Deferred<> attempt = *attempt_;
        attempt.cancel();
    }
    return result;
}

/// Nothing is left of what was stopped.
void ClientService::State::ended() {
    const Ref<State> alive(this);
    std::vector<DeferredSource<>> stopped = std::exchange(stopped_, {});
    failures_ = 0;
    if (is_ == Is::Restarting) {
        connect();
    } else {
        is_ = Is::Stopped;
        failWaiters(CancelledError("the ClientService was stopped"), true);
    }
    for (DeferredSource<>& source : stopped) {
        source.callback();
    }
}

/// Fails those who wait for no more failures than this one, or all of them.
void ClientService::State::failWaiters(const Failure& why, bool all) {
    Waiters through;
    for (auto next = waiters_.begin(); next != waiters_.end();) {
        const auto waiter = next++;
        unsigned& left = waiter->second.failuresLeft;
        if (all || (left != 0 && --left == 0)) {
            through.insert(waiters_.extract(waiter));
        }
    }
    for (auto& [id, waiter] : through) {
        waiter.source.errback(why);
    }
}

Deferred<Ref<IProtocol>> ClientService::State::whenConnected(unsigned failAfterFailures) {
    if (is_ == Is::Connected) {
        return succeed(connection_->inner());
    }
    if (is_ == Is::Stopped) {
        return fail<Ref<IProtocol>>(CancelledError("the ClientService was stopped"));
    }
    const std::uint64_t id = nextWaiter_++;
    DeferredSource<Ref<IProtocol>> source([this, id](Deferred<Ref<IProtocol>> d) {
        // The map's node goes last: it owns the source that this is a canceller of.
        const auto waiter = waiters_.extract(id);
        d.errback(CancelledError("waiting for a connection was cancelled"));
    });
    Deferred<Ref<IProtocol>> result = source.deferred();
    waiters_.emplace(id, Waiter{std::move(source), failAfterFailures});
    return result;
}

ClientService::ClientService(IReactorTime& clock, Ref<IStreamClientEndpoint> endpoint,
                             Ref<IProtocolFactory> factory, ClientServiceOptions options) {
    if (!options.retryPolicy) {
        options.retryPolicy = backoffPolicy();
    }
    state_ = makeRef<State>(clock, std::move(endpoint), std::move(factory), std::move(options));
}

ClientService::~ClientService() { state_->stop(); }

void ClientService::startService() {
    Service::startService();
    state_->start();
}

Deferred<> ClientService::stopService() {
    Deferred<> own = Service::stopService();
    return own.addCallback([state = state_] { return state->stop(); });
}

Deferred<Ref<IProtocol>> ClientService::whenConnected(unsigned failAfterFailures) {
    return state_->whenConnected(failAfterFailures);
}

}  // namespace marline
