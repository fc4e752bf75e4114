#include <marline/agent/detail/connection_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <marline/agent/errors.hpp>
#include <marline/agent/proxy_settings.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {
namespace {

/// What connections must have in common to stand in for each other: the origin and the way there,
/// or the proxy alone when it is who gets the requests.
void writeKey(std::string& key, const Uri& uri, const Proxy* proxy) {
    key.clear();
    if (proxy != nullptr && proxy->takesAbsoluteForm(uri)) {
        key += proxy->identity();
        return;
    }
    key += uri.scheme();
    key += "://";
    key += uri.host();
    key += ':';
    key += std::to_string(uri.port());
    if (proxy != nullptr) {
        key += " by ";
        key += proxy->identity();
    }
}

/// Makes the HttpConnection for one new connection.
class ConnectionFactory final : public IProtocolFactory {
public:
    ConnectionFactory(IReactorTime& clock, const ExchangeLimits& limits)
        : clock_(clock), limits_(limits) {}

    Ref<IProtocol> buildProtocol(const Address&) override {
        return makeRef<HttpConnection>(clock_, limits_);
    }

private:
    IReactorTime& clock_;
    ExchangeLimits limits_;
};

}  // namespace

ConnectionPool::ConnectionPool(IReactorTime& clock, Ref<IAgentEndpointFactory> endpoints,
                               const AgentOptions& options)
    : clock_(clock), endpoints_(std::move(endpoints)), options_(options) {}

ConnectionPool::~ConnectionPool() {
    for (auto& [connection, open] : open_) {
        const_cast<HttpConnection*>(connection)->setOwner(nullptr);
    }
    for (auto& [key, host] : hosts_) {
        for (Idle& idle : host.idle) {
            if (idle.expiry.active()) {
                idle.expiry.cancel();
            }
            idle.connection->close();
        }
    }
}

Deferred<Ref<HttpConnection>> ConnectionPool::acquire(const Uri& uri, bool fresh) {
    if (closed_) {
        return fail<Ref<HttpConnection>>(Failure::make<RequestNotSent>(
            "no request to " + uri.authority(),
            std::vector<Failure>{ConnectionAborted("the agent is closed")}));
    }
    writeKey(key_, uri, endpoints_->proxyFor(uri));
    if (!fresh) {
        if (Ref<HttpConnection> kept = takeIdle(key_)) {
            ++counts_.reused;
            return succeed(std::move(kept));
        }
    }
    if (mayOpen(key_)) {
        return connect(uri, key_);
    }
    auto waiter = makeRef<Waiter>(uri, key_);
    waiter->source.emplace([this, at = waiter.get()](Deferred<Ref<HttpConnection>> d) {
        cancelled(*at);
        if (!d.called()) {
            // Here, since dropping the waiter would fail it with DeferredLost.
            d.errback(CancelledError());
        }
        std::erase_if(waiters_, [at](const Ref<Waiter>& other) { return other.get() == at; });
    });
    Deferred<Ref<HttpConnection>> turn = waiter->source->deferred();
    waiters_.push_back(std::move(waiter));
    return turn;
}

void ConnectionPool::cancelled(Waiter& waiter) {
    if (waiter.connecting) {
        Deferred<Ref<HttpConnection>> connecting = *waiter.connecting;
        connecting.cancel();
    }
}

Ref<HttpConnection> ConnectionPool::takeIdle(const std::string& key) {
    const auto found = hosts_.find(key);
    if (found == hosts_.end() || found->second.idle.empty()) {
        return {};
    }
    Idle idle = std::move(found->second.idle.back());
    found->second.idle.pop_back();
    idle.expiry.cancel();
    return std::move(idle.connection);
}

bool ConnectionPool::mayOpen(const std::string& key) {
    const auto found = hosts_.find(key);
    if (found != hosts_.end() && found->second.open >= options_.maxPerHost) {
        return false;
    }
    return total_ < options_.maxTotal || closeOldestIdle();
}

/// Makes room for a connection to another host.
bool ConnectionPool::closeOldestIdle() {
    Host* oldest = nullptr;
    for (auto& [key, host] : hosts_) {
        if (!host.idle.empty() &&
            (oldest == nullptr ||
             host.idle.front().expiry.getTime() < oldest->idle.front().expiry.getTime())) {
            oldest = &host;
        }
    }
    if (oldest == nullptr) {
        return false;
    }
    Idle idle = std::move(oldest->idle.front());
    oldest->idle.pop_front();
    idle.expiry.cancel();
    ++counts_.evicted;
    Open& open = open_.at(idle.connection.get());
    open.counted = false;
    closed(open.key);
    idle.connection->close();
    return true;
}

Deferred<Ref<HttpConnection>> ConnectionPool::connect(const Uri& uri, std::string key) {
    ++hosts_[key].open;
    ++total_;
    ++connecting_;
    auto factory = makeRef<ConnectionFactory>(
        clock_, ExchangeLimits{options_.headersTimeout, options_.idleTimeout, options_.wire,
                               options_.sendTimeout, options_.continueTimeout});
    return maybeDeferred([&] { return endpoints_->endpointForUri(uri)->connect(factory); })
        .addCallbacks(
            [self = Ref<ConnectionPool>(this), key](const Ref<IProtocol>& protocol) {
                Ref<HttpConnection> connection(static_cast<HttpConnection*>(protocol.get()));
                --self->connecting_;
                ++self->counts_.connected;
                if (connection->transport() == nullptr) {
                    // Lost before anybody could be told.
                    self->closed(key);
                    self->tellClosers();
                } else {
                    connection->setOwner(self.get());
                    self->open_.emplace(connection.get(), Open{key});
                }
                return connection;
            },
            [self = Ref<ConnectionPool>(this),
             key](const Failure& why) -> Result<Ref<HttpConnection>> {
                --self->connecting_;
                ++self->counts_.failed;
                self->closed(key);
                self->tellClosers();
                self->serveWaiters();
                return why;
            });
}

void ConnectionPool::closed(const std::string& key) {
    --total_;
    const auto found = hosts_.find(key);
    if (--found->second.open == 0) {
        hosts_.erase(found);
    }
}

void ConnectionPool::connectionIdle(HttpConnection& connection) {
    const Duration kept = keptFor(connection);
    if (!options_.persistent || closed_ || kept <= Duration::zero()) {
        connection.close();
        return;
    }
    const std::string& key = open_.at(&connection).key;
    hosts_[key].idle.push_back(
        Idle{Ref<HttpConnection>(&connection),
             clock_.callLater(kept, [this, at = &connection] { expire(*at); })});
    serveWaiters();
}

/// How long a connection may wait for its next request: a second less than the server said, so that
/// it is not the server that closes while a request is on its way.
Duration ConnectionPool::keptFor(const HttpConnection& connection) const noexcept {
    const std::optional<Duration> told = connection.keepAliveFor();
    return told ? std::min(options_.cachedConnectionTimeout, *told - std::chrono::seconds(1))
                : options_.cachedConnectionTimeout;
}

void ConnectionPool::expire(HttpConnection& connection) {
    std::deque<Idle>& idle = hosts_.at(open_.at(&connection).key).idle;
    const auto found = std::find_if(idle.begin(), idle.end(), [&](const Idle& kept) {
        return kept.connection.get() == &connection;
    });
    const Ref<HttpConnection> kept = std::move(found->connection);
    idle.erase(found);
    ++counts_.expired;
    kept->close();
}

void ConnectionPool::connectionClosed(HttpConnection& connection) {
    const Ref<ConnectionPool> alive(this);
    const auto open = open_.extract(&connection);
    if (open.mapped().counted) {
        std::deque<Idle>& idle = hosts_.at(open.mapped().key).idle;
        const auto found = std::find_if(idle.begin(), idle.end(), [&](const Idle& kept) {
            return kept.connection.get() == &connection;
        });
        if (found != idle.end()) {
            found->expiry.cancel();
            idle.erase(found);
        }
        closed(open.mapped().key);
    }
    toldClosed(connection);
    tellClosers();
    serveWaiters();
}

/// Serves who waits, first come, first served, as far as there is room.
void ConnectionPool::serveWaiters() {
    if (serving_) {
        return;
    }
    const Ref<ConnectionPool> alive(this);
    serving_ = true;
    for (std::size_t i = 0; i < waiters_.size();) {
        const Ref<Waiter> waiter = waiters_[i];
        if (Ref<HttpConnection> kept = takeIdle(waiter->key)) {
            ++counts_.reused;
            waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
            serve(waiter, succeed(std::move(kept)));
            i = 0;  // what ran meanwhile may have changed the queue
        } else if (mayOpen(waiter->key)) {
            waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(i));
            serve(waiter, connect(waiter->uri, waiter->key));
            i = 0;
        } else {
            ++i;
        }
    }
    serving_ = false;
}

void ConnectionPool::serve(const Ref<Waiter>& waiter, Deferred<Ref<HttpConnection>> connection) {
    waiter->connecting = connection;
    connection.addBoth(
        [self = Ref<ConnectionPool>(this), waiter](Result<Ref<HttpConnection>> outcome) {
            waiter->connecting.reset();
            if (!waiter->source->pending()) {
                // Cancelled, and the connection came all the same.
                if (outcome.ok() && outcome.value()->idle()) {
                    self->connectionIdle(*outcome.value());
                }
            } else if (outcome.ok()) {
                waiter->source->callback(outcome.value());
            } else {
                waiter->source->errback(outcome.failure());
            }
        });
}

}  // namespace marline::detail
