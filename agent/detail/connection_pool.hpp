// Internal: not installed. The connections of an agent.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <marline/agent/agent.hpp>
#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/uri.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/source.hpp>

namespace marline::detail {

/// Hands out connections: a kept one, a new one, or a place in the queue (Twisted:
/// `HTTPConnectionPool`, which has no queue).
class ConnectionPool final : public RefCounted, private IConnectionOwner {
public:
    ConnectionPool(IReactorTime& clock, Ref<IAgentEndpointFactory> endpoints,
                   const AgentOptions& options);

    /// A connection to `uri`'s origin that can take a request. With `fresh` never a kept one.
    /// Cancelling leaves the queue, or stops connecting.
    Deferred<Ref<HttpConnection>> acquire(const Uri& uri, bool fresh);

    /// As Agent says.
    Deferred<> closeCachedConnections();
    Deferred<> close();
    AgentMetrics metrics() const noexcept;
    /// A request is sent again.
    void countRetry() noexcept { ++counts_.retries; }

private:
    struct Idle {
        Ref<HttpConnection> connection;
        DelayedCall expiry;
    };
    struct Host {
        std::deque<Idle> idle;  // the one used last at the back
        std::size_t open = 0;   // connections, idle ones and attempts included
    };
    /// An open connection, and whether it counts against the limits: one that is closed to make
    /// room does not, though it takes a while to go.
    struct Open {
        std::string key;
        bool counted = true;
    };
    /// Connections that somebody waits to see closed.
    struct Closing final : RefCounted {
        std::size_t left = 0;
        DeferredSource<> done;
    };
    /// A request that waits for its turn, and then for its connection.
    struct Waiter final : RefCounted {
        Waiter(const Uri& where, std::string origin) : uri(where), key(std::move(origin)) {}

        Uri uri;
        std::string key;
        std::optional<DeferredSource<Ref<HttpConnection>>> source;
        std::optional<Deferred<Ref<HttpConnection>>> connecting;
    };

    ~ConnectionPool() override;

    void connectionIdle(HttpConnection& connection) override;
    void connectionClosed(HttpConnection& connection) override;

    Ref<HttpConnection> takeIdle(const std::string& key);
    Deferred<Ref<HttpConnection>> connect(const Uri& uri, std::string key);
    bool mayOpen(const std::string& key);
    bool closeOldestIdle();
    void closed(const std::string& key);
    void serveWaiters();
    void serve(const Ref<Waiter>& waiter, Deferred<Ref<HttpConnection>> connection);
    void cancelled(Waiter& waiter);
    void closeIdle(Host& host, const Ref<Closing>& closing);
    void toldClosed(const HttpConnection& connection);
    void tellClosers();
    Duration keptFor(const HttpConnection& connection) const noexcept;
    void expire(HttpConnection& connection);

    IReactorTime& clock_;
    Ref<IAgentEndpointFactory> endpoints_;
    AgentOptions options_;
    std::string key_;  // of the request that asks: its memory is used again
    std::unordered_map<std::string, Host> hosts_;
    std::unordered_map<const HttpConnection*, Open> open_;
    std::unordered_map<const HttpConnection*, std::vector<Ref<Closing>>> closing_;
    std::vector<DeferredSource<>> closers_;  // who waits for the end of all
    AgentMetrics counts_;
    std::deque<Ref<Waiter>> waiters_;
    std::size_t total_ = 0;
    std::size_t connecting_ = 0;
    bool serving_ = false;
    bool closed_ = false;  // close() was called
};

}  // namespace marline::detail
