#include <marline/reactor/testing/memory_port.hpp>

#include <stdexcept>
#include <string>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>

namespace marline::testing {

IoPump* MemoryPort::connect(Ref<IProtocol> client) {
    const Address from = reactor_ != nullptr ? reactor_->clientAddress(host_) : Address{};
    Ref<IProtocol> server = build(from);
    if (!server) {
        return nullptr;
    }
    IoPump& pump = reactor_->join(std::move(client), std::move(server), from, host_);
    count(pump);
    return &pump;
}

/// The protocol for a connection from there; empty when there is to be none.
Ref<IProtocol> MemoryPort::build(const Address& from) {
    if (!listening_) {
        throw std::logic_error("connect() to " + host_.toString() + ", which has stopped");
    }
    try {
        return factory_->buildProtocol(from);
    } catch (...) {
        log(LogLevel::Error,
            "buildProtocol for " + from.toString() + " failed: " + Failure::current().brief());
        return {};
    }
}

void MemoryPort::count(IoPump& pump) {
    ++connections_;
    pump.whenEnded(pump.server(), [self = Ref<MemoryPort>(this)] { --self->connections_; });
}

Deferred<> MemoryPort::stopListening() {
    if (!listening_) {
        return succeed();
    }
    listening_ = false;
    Deferred<> stopped;
    reactor_->callInPump([self = Ref<MemoryPort>(this), stopped]() mutable {
        try {
            self->close();
        } catch (...) {
            stopped.errback(Failure::current());
            return;
        }
        stopped.callback();
    });
    return stopped;
}

/// Tells the factory; throws what it throws.
void MemoryPort::close() {
    listening_ = false;
    if (const Ref<IProtocolFactory> factory = factory_; reactor_ != nullptr) {
        reactor_ = nullptr;
        factory->doStop();
    }
}

}  // namespace marline::testing
