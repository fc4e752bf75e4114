#include <marline/agent/agent.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <marline/agent/detail/connection_pool.hpp>
#include <marline/agent/detail/field_list.hpp>
#include <marline/agent/detail/host_endpoints.hpp>
#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/detail/methods.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/proxy_settings.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/http/serializer.hpp>

namespace marline {
namespace {

using detail::Exchange;
using detail::HttpConnection;

// A head that fits is allocated once.
constexpr std::size_t kUsualHead = 512;
constexpr const char* kProxyAuthorization = "Proxy-Authorization";

http::BodyLength bodyLength(std::string_view method, const Ref<IBodyProducer>& body) {
    if (body) {
        const auto length = body->length();
        return length ? http::BodyLength::known(*length) : http::BodyLength::chunked();
    }
    const bool usual = method == "POST" || method == "PUT" || method == "PATCH";
    return usual ? http::BodyLength::known(0) : http::BodyLength::none();
}

}  // namespace

namespace detail {

class PoolingAgent final : public IAgent {
public:
    PoolingAgent(IReactorTime& clock, Ref<IAgentEndpointFactory> endpoints, AgentOptions options)
        : clock_(clock), options_(std::move(options)), endpoints_(std::move(endpoints)),
          pool_(makeRef<ConnectionPool>(clock, endpoints_, options_)) {}

    const Ref<ConnectionPool>& pool() const noexcept { return pool_; }

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        if (uri.scheme() != "http" && uri.scheme() != "https") {
            return fail<Response>(SchemeNotSupported("cannot request " + uri.toString() +
                                                     ": its scheme is neither http nor https"));
        }
        std::string head;
        try {
            head = serialize(method, uri, headers, body);
        } catch (const std::invalid_argument& error) {
            return fail<Response>(
                BadRequest("cannot request " + uri.toString() + ": " + error.what()));
        }
        const auto expect = headers.get("Expect");
        detail::ExchangeTraits traits{
            .expectsContinue = expect && http::sameFieldName(*expect, "100-continue"),
            .offeredUpgrade = detail::listOf(headers, "Upgrade")};
        auto exchange =
            makeRef<Exchange>(method, uri, std::move(head), std::move(body), std::move(traits));
        if (options_.totalTimeout > Duration::zero()) {
            exchange->deadline = clock_.seconds() + options_.totalTimeout;
            exchange->total = options_.totalTimeout;
        }
        return attempt(std::move(exchange), false);
    }

private:
    std::string serialize(std::string_view method, const Uri& uri, const http::Headers& headers,
                          const Ref<IBodyProducer>& body) {
        if (method == "CONNECT") {
            throw std::invalid_argument("CONNECT is for tunnels; use HttpConnectEndpoint");
        }
        const Proxy* const proxy = endpoints_->proxyFor(uri);
        const bool absolute = proxy != nullptr && proxy->takesAbsoluteForm(uri);
        // Taken, since a body may make a request when it is asked what it is.
        http::Headers fields = std::exchange(fields_, {});
        fields.clear();
        writeFields(fields, uri, headers, proxy);
        if (body && !headers.hasHeader("Content-Type")) {
            if (const std::string type = body->contentType(); !type.empty()) {
                fields.addRawHeader("Content-Type", type);
            }
        }
        std::string head;
        head.reserve(kUsualHead);
        const std::string target =
            absolute ? uri.scheme() + "://" + uri.authority() + uri.requestTarget()
                     : uri.requestTarget();
        http::appendRequestHead(head, method, target, fields, bodyLength(method, body));
        fields_ = std::move(fields);
        return head;
    }

    void writeFields(http::Headers& fields, const Uri& uri, const http::Headers& headers,
                     const Proxy* proxy) const {
        if (!headers.hasHeader("Host")) {
            fields.addRawHeader("Host", uri.authority());
        }
        if (headers.hasHeader("Upgrade") && !headers.hasHeader("Connection")) {
            fields.addRawHeader("Connection", "Upgrade");
        } else if (!options_.persistent) {
            fields.addRawHeader("Connection", "close");
        }
        const bool absolute = proxy != nullptr && proxy->takesAbsoluteForm(uri);
        for (const auto& [name, value] : headers) {
            // Credentials for a proxy are none of the origin's business.
            if (absolute || !http::sameFieldName(name, kProxyAuthorization)) {
                fields.addRawHeader(name, value);
            }
        }
        if (absolute && !proxy->authorization().empty() &&
            !headers.hasHeader(kProxyAuthorization)) {
            fields.addRawHeader(kProxyAuthorization, proxy->authorization());
        }
    }

    Deferred<Response> attempt(Ref<const Exchange> exchange, bool again) {
        // Most requests have a connection at once, and then need no Deferred to wait for one.
        if (Ref<HttpConnection> kept = again ? nullptr : pool_->takeKept(exchange->uri)) {
            return maybeDeferred([&] { return send(*kept, std::move(exchange), false); });
        }
        Deferred<Ref<HttpConnection>> turn = pool_->acquire(exchange->uri);
        if (exchange->deadline && !turn.called()) {
            limit(turn, *exchange);
        }
        return turn.addCallback([self = Ref<PoolingAgent>(this), exchange,
                                 again](const Ref<HttpConnection>& connection) {
            return self->send(*connection, exchange, again);
        });
    }

    Deferred<Response> send(HttpConnection& connection, Ref<const Exchange> exchange, bool again) {
        const bool kept = connection.requests() > 0;
        Deferred<Response> answer = connection.request(exchange);
        if (!kept || again || !repeatable(*exchange)) {
            return answer;
        }
        return answer.addErrback<ResponseNeverReceived>(
            [self = Ref<PoolingAgent>(this),
             exchange = std::move(exchange)](const Failure& why) -> Deferred<Response> {
                if (timedOut(why)) {
                    return fail<Response>(why);
                }
                self->pool_->countRetry();
                return self->attempt(exchange, true);
            });
    }

    /// Waiting for a connection counts against the time for the whole.
    void limit(Deferred<Ref<HttpConnection>>& turn, const Exchange& exchange) const {
        turn.addTimeout(*exchange.deadline - clock_.seconds(), clock_,
                        [peer = exchange.uri.authority(), total = exchange.total](
                            const Result<Ref<HttpConnection>>&, Duration) {
                            return Failure::make<RequestNotSent>(
                                "no connection to " + peer,
                                std::vector<Failure>{totalTimeUp(total)});
                        });
    }

    /// Whether the time ended the request: a second one would only take as long again.
    static bool timedOut(const Failure& why) {
        const auto* error = why.check<ResponseNeverReceived>();
        return error->reasons().front().check<TimeoutError>() != nullptr;
    }

    bool repeatable(const Exchange& exchange) const {
        return options_.retryAutomatically && detail::idempotent(exchange.method) &&
               (!exchange.body || exchange.body->repeatable());
    }

    IReactorTime& clock_;
    AgentOptions options_;
    Ref<IAgentEndpointFactory> endpoints_;
    Ref<ConnectionPool> pool_;
    http::Headers fields_;  // of the last request: their memory is used again
};

}  // namespace detail

const Proxy* IAgentEndpointFactory::proxyFor(const Uri&) const { return nullptr; }

Agent::Agent(Ref<detail::PoolingAgent> agent)
    : AgentHandle(Ref<IAgent>(agent.get())), pool_(agent->pool()) {}

Agent::Agent(Reactor& reactor, AgentOptions options)
    : Agent(makeRef<detail::PoolingAgent>(
          reactor,
          options.endpoints ? options.endpoints
                            : makeRef<detail::HostEndpoints>(reactor, options.connectTimeout),
          options)) {}

Agent Agent::usingEndpointFactory(IReactorTime& clock, Ref<IAgentEndpointFactory> endpoints,
                                  AgentOptions options) {
    return Agent(makeRef<detail::PoolingAgent>(clock, std::move(endpoints), std::move(options)));
}

Agent::Agent(const Agent&) noexcept = default;
Agent::Agent(Agent&&) noexcept = default;
Agent& Agent::operator=(Agent other) noexcept {
    AgentHandle::operator=(other);
    pool_.swap(other.pool_);
    return *this;
}
Agent::~Agent() = default;

Deferred<> Agent::closeCachedConnections() const { return pool_->closeCachedConnections(); }
Deferred<> Agent::close() const { return pool_->close(); }
AgentMetrics Agent::metrics() const noexcept { return pool_->metrics(); }

}  // namespace marline
