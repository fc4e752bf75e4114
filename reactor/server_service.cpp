#include <marline/reactor/server_service.hpp>

#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/log.hpp>

namespace marline {

/// What one listen() came to. The service and the Deferred share it, so that neither holds the
/// other.
struct StreamServerEndpointService::Listening final : RefCounted {
    Ref<IListeningPort> port;
};

StreamServerEndpointService::StreamServerEndpointService(Ref<IStreamServerEndpoint> endpoint,
                                                         Ref<IProtocolFactory> factory)
    : endpoint_(std::move(endpoint)), factory_(std::move(factory)) {}

StreamServerEndpointService::~StreamServerEndpointService() = default;

void StreamServerEndpointService::privilegedStartService() {
    if (attempt_) {
        return;
    }
    Deferred<Ref<IListeningPort>> listening =
        maybeDeferred([&] { return endpoint_->listen(factory_); });
    listening_ = makeRef<Listening>();
    attempt_ = listening.addCallbacks(
        [to = listening_](Ref<IListeningPort> port) {
            to->port = port;
            return port;
        },
        [](const Failure& why) {
            if (why.check<CancelledError>() == nullptr) {
                log(LogLevel::Error, why.brief());
            }
            return Ref<IListeningPort>();
        });
}

void StreamServerEndpointService::startService() {
    Service::startService();
    privilegedStartService();
}

Deferred<> StreamServerEndpointService::stopService() {
    Deferred<> own = Service::stopService();
    if (!attempt_) {
        return own;
    }
    Deferred<Ref<IListeningPort>> listening = *std::exchange(attempt_, std::nullopt);
    listening_.reset();
    listening.cancel();
    // An endpoint that could not stop in time gives a port after all.
    return listening.addCallback(
        [](const Ref<IListeningPort>& port) { return port ? port->stopListening() : succeed(); });
}

Ref<IListeningPort> StreamServerEndpointService::port() const {
    return listening_ ? listening_->port : Ref<IListeningPort>();
}

}  // namespace marline
