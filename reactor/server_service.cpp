#include <marline/reactor/server_service.hpp>

#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/log.hpp>

namespace marline {

StreamServerEndpointService::StreamServerEndpointService(Ref<IStreamServerEndpoint> endpoint,
                                                         Ref<IProtocolFactory> factory)
    : endpoint_(std::move(endpoint)), factory_(std::move(factory)) {}

StreamServerEndpointService::~StreamServerEndpointService() = default;

void StreamServerEndpointService::privilegedStartService() {
    if (listening_) {
        return;
    }
    Deferred<Ref<IListeningPort>> listening =
        maybeDeferred([&] { return endpoint_->listen(factory_); });
    const Ref<StreamServerEndpointService> self(this);
    listening_ = listening.addCallbacks(
        [self, id = ++starts_](Ref<IListeningPort> port) {
            if (self->starts_ == id) {
                self->port_ = port;
            }
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
    if (!listening_) {
        return own;
    }
    Deferred<Ref<IListeningPort>> listening = *std::exchange(listening_, std::nullopt);
    ++starts_;
    port_.reset();
    listening.cancel();
    // An endpoint that could not stop in time gives a port after all.
    return listening.addCallback(
        [](const Ref<IListeningPort>& port) { return port ? port->stopListening() : succeed(); });
}

}  // namespace marline
