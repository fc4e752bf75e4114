// StreamServerEndpointService: a port that is listened on while a program runs.
#pragma once

#include <optional>

#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/service.hpp>

namespace marline {

/// Listens while it runs (Twisted: `StreamServerEndpointService`).
class MARLINE_API StreamServerEndpointService final : public Service {
public:
    StreamServerEndpointService(Ref<IStreamServerEndpoint> endpoint, Ref<IProtocolFactory> factory);

    /// Listens; a failure is logged.
    void privilegedStartService() override;
    /// Listens unless it does already.
    void startService() override;
    /// Stops listening, or the attempt to; connections that were accepted live on.
    Deferred<> stopService() override;

    /// The port, once it listens; empty before, after a failure, and when stopped.
    Ref<IListeningPort> port() const;

private:
    struct Listening;

    ~StreamServerEndpointService() override;

    Ref<IStreamServerEndpoint> endpoint_;
    Ref<IProtocolFactory> factory_;
    std::optional<Deferred<Ref<IListeningPort>>> attempt_;
    Ref<Listening> listening_;
};

}  // namespace marline
