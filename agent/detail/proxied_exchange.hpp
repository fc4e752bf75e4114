// Internal: not installed. One request on its way through a proxy, and its response back.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <marline/agent/detail/proxied_body.hpp>
#include <marline/agent/iagent.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

/// Asks the server behind, and answers the client with what that says once the client's request is
/// whole.
///
///     Asked --the response's head, and ready()--> Relayed --its end--> over
///     Asked --a failure, and ready()--> an error page --> over
///     any --the client goes--> the other side is cancelled or cut --> over
class ProxiedExchange final : public IProtocol, private IProducer {
public:
    ProxiedExchange(Ref<http::Request> request, std::string via)
        : request_(std::move(request)), via_(std::move(via)) {}

    /// Sends the request; `body` may be empty, and is `streamed` when the client still sends it.
    void begin(const AgentHandle& agent, std::string_view uri, const http::Headers& fields,
               Ref<IBodyProducer> body, Ref<ProxiedBody> streamed);
    /// The client's request is whole: it may be answered.
    void ready();

    // The body of the response.
    void makeConnection(ITransport& upstream) override { upstream_ = &upstream; }
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;

private:
    ~ProxiedExchange() override = default;

    // The client's pace.
    void resumeProducing() override;
    void pauseProducing() override;
    void stopProducing() override {}  // over() follows

    void arrived(Result<Response> outcome);
    void answer();
    void relay(const Response& response);
    void refuse(const Failure& why);
    void cut(const Failure& why);
    void over();

    Ref<http::Request> request_;  // empty once it is over
    std::string via_;
    Ref<ProxiedBody> body_;
    std::optional<Deferred<>> asking_;
    std::optional<Result<Response>> outcome_;
    ITransport* upstream_ = nullptr;  // while the body comes
    bool ready_ = false;
    bool begun_ = false;  // the client has the head
};

}  // namespace marline::detail
