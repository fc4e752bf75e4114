// ClientService: a connection that is kept up.
#pragma once

#include <chrono>

#include <marline/deferred/function.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/service.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// How long to wait before the next attempt, after that many failures in a row (1 or more).
using RetryPolicy = UniqueFunction<Duration(unsigned failures)>;

/// How backoffPolicy() waits.
struct BackoffOptions {
    /// Multiplied by `factor` once for each failure.
    Duration initialDelay = std::chrono::seconds(1);
    /// The longest, without the jitter.
    Duration maxDelay = std::chrono::seconds(60);
    double factor = 1.5;
    /// Added to each delay, so that the clients of a server that failed do not all come back at
    /// once; empty: up to a second, at random.
    UniqueFunction<Duration()> jitter = {};
};

/// Waits longer after each failure (Twisted: `backoffPolicy`).
MARLINE_API RetryPolicy backoffPolicy(BackoffOptions options = {});

/// How a ClientService connects.
struct ClientServiceOptions {
    /// Empty: backoffPolicy().
    RetryPolicy retryPolicy = {};
    /// Called with each new connection's protocol before whenConnected() fires, which waits for its
    /// Deferred. When it fails, or throws, the connection is closed and counts as a failed attempt.
    UniqueFunction<Deferred<>(const Ref<IProtocol>&)> prepareConnection = {};
};

/// Keeps one connection to an endpoint: connects again whenever an attempt fails or the connection
/// is lost, until it is stopped (Twisted: `ClientService`). Dropping the last Ref to it stops it
/// too.
///
///     auto service = makeRef<ClientService>(reactor, endpoint, factory);
///     service->startService();
///     service->whenConnected().addCallback([](const Ref<IProtocol>& protocol) { … });
class MARLINE_API ClientService final : public Service {
public:
    /// `clock` must outlive it.
    ClientService(IReactorTime& clock, Ref<IStreamClientEndpoint> endpoint,
                  Ref<IProtocolFactory> factory, ClientServiceOptions options = {});

    /// Begins to connect; after a stop that is not over yet, when the old connection has ended. A
    /// second start is logged as a warning.
    void startService() override;
    /// Ends the attempt, the wait or the connection (as loseConnection() does); fires when there is
    /// nothing left. Unanswered whenConnected() fail with CancelledError.
    Deferred<> stopService() override;

    /// The factory's protocol: at once when it is connected, else at the next connection. Fails
    /// with an attempt's error when `failAfterFailures` of them have failed since this call (0:
    /// never), and with CancelledError when the service is stopped.
    Deferred<Ref<IProtocol>> whenConnected(unsigned failAfterFailures = 0);

private:
    class State;

    ~ClientService() override;

    Ref<State> state_;
};

}  // namespace marline
