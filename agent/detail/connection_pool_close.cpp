// How a ConnectionPool closes, and what it tells of itself.
#include <utility>

#include <marline/agent/detail/connection_pool.hpp>
#include <marline/agent/errors.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {

Deferred<> ConnectionPool::closeCachedConnections() {
    auto closing = makeRef<Closing>();
    Deferred<> done = closing->done.deferred();
    for (auto& [key, host] : hosts_) {
        closeIdle(host, closing);
    }
    if (closing->left == 0) {
        closing->done.callback();
    }
    return done;
}

void ConnectionPool::closeIdle(Host& host, const Ref<Closing>& closing) {
    for (const Ref<HttpConnection>& idle : std::exchange(host.idle, {})) {
        ++closing->left;
        closing_[idle.get()].push_back(closing);
        idle->close();
    }
}

void ConnectionPool::toldClosed(const HttpConnection& connection) {
    const auto waiting = closing_.extract(&connection);
    if (waiting.empty()) {
        return;
    }
    for (const Ref<Closing>& closing : waiting.mapped()) {
        if (--closing->left == 0 && closing->done.pending()) {
            closing->done.callback();
        }
    }
}

Deferred<> ConnectionPool::close() {
    const Ref<ConnectionPool> alive(this);
    closed_ = true;
    for (const Ref<Waiter>& waiter : std::exchange(waiters_, {})) {
        waiter->source->errback(Failure::make<RequestNotSent>(
            "no request to " + waiter->uri.authority(),
            std::vector<Failure>{ConnectionAborted("the agent was closed")}));
    }
    Deferred<> done = closers_.emplace_back().deferred();
    closeCachedConnections();
    tellClosers();
    return done;
}

void ConnectionPool::tellClosers() {
    if (!open_.empty() || connecting_ != 0) {
        return;
    }
    for (DeferredSource<>& closer : std::exchange(closers_, {})) {
        if (closer.pending()) {
            closer.callback();
        }
    }
}

AgentMetrics ConnectionPool::metrics() const noexcept {
    AgentMetrics metrics = counts_;
    metrics.open = open_.size();
    metrics.connecting = connecting_;
    metrics.waiting = waiters_.size();
    for (const auto& [key, host] : hosts_) {
        metrics.idle += host.idle.size();
    }
    return metrics;
}

}  // namespace marline::detail
