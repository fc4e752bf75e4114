#include <marline/reactor/testing/memory_connector.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/resolver.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>

namespace marline::testing {
namespace {

void stopFactory(const Ref<IProtocolFactory>& factory) {
    try {
        factory->doStop();
    } catch (...) {
        log(LogLevel::Error,
            "exception in doStop() of a client's factory: " + Failure::current().brief());
    }
}

}  // namespace

MemoryConnector::MemoryConnector(MemoryReactor& reactor, Address address,
                                 Ref<IProtocolFactory> factory, ConnectOptions options,
                                 const std::source_location& where)
    : reactor_(&reactor), address_(std::move(address)), factory_(std::move(factory)),
      options_(std::move(options)), where_(where), source_([this](Deferred<Ref<IProtocol>> d) {
          const Ref<MemoryConnector> alive(this);
          const DeferredSource<Ref<IProtocol>> over = end();
          d.errback(CancelledError("connecting to " + address_.toString() + " was cancelled"));
      }) {}

/// Starts the factory and the clock. What is wrong already is told from a later turn.
void MemoryConnector::begin() {
    const auto failLater = [this](const Failure& why) {
        reactor_->callInPump([self = Ref<MemoryConnector>(this), why] {
            if (self->pending_) {
                self->fail(why);
            }
        });
    };
    try {
        factory_->doStart();
        started_ = true;
    } catch (...) {
        failLater(Failure::current());
        return;
    }
    Address parsed;
    if (address_.kind != Address::Kind::Unix &&
        !parseNumericAddress(address_.host, address_.port, parsed)) {
        failLater(Failure::make<ConnectError>(
            attempt() + ": connectTcp takes a numeric address; use a HostnameEndpoint for names"));
        return;
    }
    timer_ = reactor_->callLater(options_.timeout, [this] {
        const auto allowed =
            std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout).count();
        fail(Failure::make<ConnectTimeoutError>(attempt() + ": timed out after " +
                                                std::to_string(allowed) +
                                                " ms (ConnectOptions::timeout)"));
    });
}

std::string MemoryConnector::attempt() const {
    return "connect to " + address_.toString() + " failed";
}

void MemoryConnector::mustWait(const char* what) const {
    if (!pending_) {
        throw std::logic_error(std::string(what) + " of an attempt to connect to " +
                               address_.toString() + " that is over");
    }
}

/// The attempt is over, and its Deferred is the caller's to fire.
DeferredSource<Ref<IProtocol>> MemoryConnector::end() {
    pending_ = false;
    if (timer_.active()) {
        timer_.cancel();
    }
    if (std::exchange(started_, false)) {
        stopFactory(factory_);
    }
    return std::move(source_);
}

void MemoryConnector::fail(const Failure& why) {
    mustWait("fail()");
    const Ref<MemoryConnector> alive(this);
    end().errback(why);
}

IoPump* MemoryConnector::succeed(Ref<IProtocol> server) {
    mustWait("succeed()");
    return join(std::move(server), reactor_->clientAddress(address_));
}

IoPump* MemoryConnector::succeed(MemoryPort& port) {
    mustWait("succeed()");
    const Address from = reactor_->clientAddress(address_);
    Ref<IProtocol> server = port.build(from);
    const bool wanted = static_cast<bool>(server);
    IoPump* pump = join(wanted ? std::move(server) : makeRef<AccumulatingProtocol>(), from);
    if (pump != nullptr && wanted) {
        port.count(*pump);
    } else if (pump != nullptr) {
        pump->server().loseConnection();
    }
    return pump;
}

IoPump* MemoryConnector::join(Ref<IProtocol> server, const Address& from) {
    const Ref<MemoryConnector> alive(this);
    Ref<IProtocol> client;
    try {
        client = factory_->buildProtocol(address_);
    } catch (...) {
        fail(Failure::current());
        return nullptr;
    }
    if (!client) {
        fail(Failure::make<NoProtocol>("connection to " + address_.toString() +
                                       " closed: the factory gave no protocol"));
        return nullptr;
    }
    started_ = false;  // from here on the connection is what uses the factory
    DeferredSource<Ref<IProtocol>> source = end();
    IoPump& pump = reactor_->join(client, std::move(server), from, address_);
    pump.whenEnded(pump.client(), [factory = factory_] { stopFactory(factory); });
    if (const Failure* why = pump.client().reason()) {
        source.errback(*why);
    } else {
        source.callback(std::move(client));
    }
    return &pump;
}

}  // namespace marline::testing
