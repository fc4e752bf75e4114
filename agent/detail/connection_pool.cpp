#include <marline/agent/detail/connection_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
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
    ConnectionFactory(IReactorTime& clock, std::shared_ptr<const ExchangeLimits> limits)
        : clock_(clock), limits_(std::move(limits)) {}

    Ref<IProtocol> buildProtocol(const Address&) override {
        return makeRef<HttpConnection>(clock_, limits_);
    }

private:
    IReactorTime& clock_;
    std::shared_ptr<const ExchangeLimits> limits_;
};

}  // namespace

ConnectionPool::ConnectionPool(IReactorTime& clock, Ref<IAgentEndpointFactory> endpoints,
                               const AgentOptions& options)
    : clock_(clock), endpoints_(std::move(endpoints)), options_(options),
      limits_(std::make_shared<const ExchangeLimits>(
          ExchangeLimits{options_.headersTimeout, options_.idleTimeout, options_.wire,
                         options_.sendTimeout, options_.continueTimeout})) {}

ConnectionPool::~ConnectionPool() {
    for (auto& [connection, open] : open_) {
        const_cast<HttpConnection*>(connection)->setOwner(nullptr);
    }
    for (auto& [key, host] : hosts_) {
        for (const Ref<HttpConnection>& idle : host.idle) {
            idle->close();
        }
    }
}

Ref<HttpConnection> ConnectionPool::takeKept(const Uri& uri) {
    writeKey(key_, uri, endpoints_->proxyFor(uri));
    Ref<HttpConnection> kept = takeIdle(key_);
    counts_.reused += kept ? 1U : 0U;
    return kept;
}

Deferred<Ref<HttpConnection>> ConnectionPool::acquire(const Uri& uri) {
    if (closed_) {
        return fail<Ref<HttpConnection>>(Failure::make<RequestNotSent>(
            "no request to " + uri.authority(),
            std::vector<Failure>{ConnectionAborted("the agent is closed")}));
    }
    writeKey(key_, uri, endpoints_->proxyFor(uri));
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
    Ref<HttpConnection> idle = std::move(found->second.idle.back());
    found->second.idle.pop_back();
    return idle;
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
            (oldest == nullptr || host.idle.front()->expiry() < oldest->idle.front()->expiry())) {
            oldest = &host;
        }
    }
    if (oldest == nullptr) {
        return false;
    }
    const Ref<HttpConnection> idle = std::move(oldest->idle.front());
    oldest->idle.pop_front();
    ++counts_.evicted;
    open_.at(idle.get()).counted = false;
    uncount(*oldest);
    idle->close();
    return true;
}

ConnectionPool::Host& ConnectionPool::hostOf(const std::string& key) {
    const auto [at, made] = hosts_.try_emplace(key, *this);
    at->second.key = &at->first;
    return at->second;
}

Deferred<Ref<HttpConnection>> ConnectionPool::connect(const Uri& uri, const std::string& key) {
    Host& host = hostOf(key);
    ++host.open;
    ++host.living;
    ++total_;
    ++connecting_;
    auto factory = makeRef<ConnectionFactory>(clock_, limits_);
    return maybeDeferred([&] { return endpoints_->endpointForUri(uri)->connect(factory); })
        .addCallbacks(
            [self = Ref<ConnectionPool>(this), &host](const Ref<IProtocol>& protocol) {
                Ref<HttpConnection> connection(static_cast<HttpConnection*>(protocol.get()));
                self->connected(host, *connection);
                return connection;
            },
            [self = Ref<ConnectionPool>(this),
             &host](const Failure& why) -> Result<Ref<HttpConnection>> {
                --self->connecting_;
                ++self->counts_.failed;
                self->uncount(host);
                self->gone(host);
                self->tellClosers();
                self->serveWaiters();
                return why;
            });
}

void ConnectionPool::connected(Host& host, HttpConnection& connection) {
    --connecting_;
    ++counts_.connected;
    if (connection.transport() == nullptr) {
        // Lost before anybody could be told.
        uncount(host);
        gone(host);
        tellClosers();
    } else {
        connection.setOwner(&host);
        open_.emplace(&connection, Open{&host});
    }
}

/// One connection less that counts.
void ConnectionPool::uncount(Host& host) noexcept {
    --total_;
    --host.open;
}

/// One connection less that is there; the last takes its host with it.
void ConnectionPool::gone(Host& host) {
    if (--host.living == 0) {
        hosts_.erase(hosts_.find(*host.key));
    }
}

void ConnectionPool::connectionIdle(Host& host, HttpConnection& connection) {
    const Duration kept = keptFor(connection);
    if (!options_.persistent || closed_ || kept <= Duration::zero()) {
        connection.close();
        return;
    }
    host.idle.emplace_back(&connection);
    connection.expireAfter(kept);
    serveWaiters();
}

/// How long a connection may wait for its next request: a second less than the server said, so that
/// it is not the server that closes while a request is on its way.
Duration ConnectionPool::keptFor(const HttpConnection& connection) const noexcept {
    const std::optional<Duration> told = connection.keepAliveFor();
    return told ? std::min(options_.cachedConnectionTimeout, *told - std::chrono::seconds(1))
                : options_.cachedConnectionTimeout;
}

/// Takes the connection out of the idle ones; false when it is at work.
bool ConnectionPool::takeOut(Host& host, const HttpConnection& connection) {
    return std::erase_if(host.idle, [&](const Ref<HttpConnection>& idle) {
               return idle.get() == &connection;
           }) != 0;
}

void ConnectionPool::connectionExpired(Host& host, HttpConnection& connection) {
    const Ref<HttpConnection> alive(&connection);
    if (takeOut(host, connection)) {
        ++counts_.expired;
    }
    connection.close();
}

void ConnectionPool::connectionClosed(Host& host, HttpConnection& connection) {
    const Ref<ConnectionPool> alive(this);
    takeOut(host, connection);
    if (open_.extract(&connection).mapped().counted) {
        uncount(host);
    }
    gone(host);
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
    connection.addBoth([self = Ref<ConnectionPool>(this),
                        waiter](Result<Ref<HttpConnection>> outcome) {
        waiter->connecting.reset();
        if (!waiter->source->pending()) {
            // Cancelled, and the connection came all the same.
            if (outcome.ok() && outcome.value()->idle()) {
                self->connectionIdle(*self->open_.at(outcome.value().get()).host, *outcome.value());
            }
        } else if (outcome.ok()) {
            waiter->source->callback(outcome.value());
        } else {
            waiter->source->errback(outcome.failure());
        }
    });
}

}  // namespace marline::detail
