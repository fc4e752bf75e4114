// Internal: not installed. The connections of an agent.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
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
class ConnectionPool final : public RefCounted {
public:
    ConnectionPool(IReactorTime& clock, Ref<IAgentEndpointFactory> endpoints,
                   const AgentOptions& options);

    /// A kept connection to `uri`'s origin, out of the idle ones; empty when there is none.
    Ref<HttpConnection> takeKept(const Uri& uri);
    /// Another connection to `uri`'s origin that can take a request: a new one, or, in the queue,
    /// one that has become free. Cancelling leaves the queue, or stops connecting.
    Deferred<Ref<HttpConnection>> acquire(const Uri& uri);

    /// As Agent says.
    Deferred<> closeCachedConnections();
    Deferred<> close();
    AgentMetrics metrics() const noexcept;
    /// A request is sent again.
    void countRetry() noexcept { ++counts_.retries; }

private:
    /// The connections to one origin, and whom they tell. It stays until the last of them is gone.
    struct Host final : IConnectionOwner {
        explicit Host(ConnectionPool& owner) noexcept : pool(owner) {}

        void connectionIdle(HttpConnection& connection) override {
            pool.connectionIdle(*this, connection);
        }
        void connectionClosed(HttpConnection& connection) override {
            pool.connectionClosed(*this, connection);
        }
        void connectionExpired(HttpConnection& connection) override {
            pool.connectionExpired(*this, connection);
        }

        ConnectionPool& pool;
        const std::string* key = nullptr;
        std::deque<Ref<HttpConnection>> idle;  // the one used last at the back
        std::size_t open = 0;    // what counts: connections, idle ones and attempts included
        std::size_t living = 0;  // and what is closed to make room, but takes a while to go
    };
    /// An open connection's host, and whether it counts against the limits.
    struct Open {
        Host* host;
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

    void connectionIdle(Host& host, HttpConnection& connection);
    void connectionClosed(Host& host, HttpConnection& connection);
    void connectionExpired(Host& host, HttpConnection& connection);
    static bool takeOut(Host& host, const HttpConnection& connection);

    Ref<HttpConnection> takeIdle(const std::string& key);
    Host& hostOf(const std::string& key);
    Deferred<Ref<HttpConnection>> connect(const Uri& uri, const std::string& key);
    void connected(Host& host, HttpConnection& connection);
    bool mayOpen(const std::string& key);
    bool closeOldestIdle();
    void uncount(Host& host) noexcept;
    void gone(Host& host);
    void serveWaiters();
    void serve(const Ref<Waiter>& waiter, Deferred<Ref<HttpConnection>> connection);
    void cancelled(Waiter& waiter);
    void closeIdle(Host& host, const Ref<Closing>& closing);
    void toldClosed(const HttpConnection& connection);
    void tellClosers();
    Duration keptFor(const HttpConnection& connection) const noexcept;

    IReactorTime& clock_;
    Ref<IAgentEndpointFactory> endpoints_;
    AgentOptions options_;
    std::shared_ptr<const ExchangeLimits> limits_;  // of every connection
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
