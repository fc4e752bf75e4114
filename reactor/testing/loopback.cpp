#include <marline/reactor/testing/loopback.hpp>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/socket.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/reactor/detail/forwarding_protocol.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline::testing {
namespace {

constexpr std::size_t kClient = 0;
constexpr std::size_t kServer = 1;

/// One connection, seen from both ends: it is over when both are.
class Loopback final : public RefCounted {
public:
    Loopback() : done_([this](Deferred<>) { abort(); }) {}

    Deferred<> done() const { return done_.deferred(); }
    void connecting(Deferred<Ref<IProtocol>> attempt) { connecting_ = std::move(attempt); }
    void connected() { connecting_.reset(); }
    void listening(Ref<IListeningPort> port) { port_ = std::move(port); }
    void stopListening() {
        if (const Ref<IListeningPort> port = std::exchange(port_, {})) {
            port->stopListening();
        }
    }
    /// There will be no connection. A protocol whose makeConnection() threw had one, and that ends
    /// by itself.
    void fail(const Failure& why) {
        connecting_.reset();
        if (transports_[kClient] == nullptr && ended_ == 0 && done_.pending()) {
            stopListening();
            done_.errback(why);
        }
    }
    void began(std::size_t end, ITransport& transport) { transports_[end] = &transport; }
    void ended(std::size_t end) {
        transports_[end] = nullptr;
        if (++ended_ == transports_.size() && done_.pending()) {
            done_.callback();
        }
    }

private:
    void abort() {
        if (std::optional<Deferred<Ref<IProtocol>>> attempt =
                std::exchange(connecting_, std::nullopt)) {
            attempt->cancel();
        }
        stopListening();
        for (ITransport* transport : transports_) {
            if (transport != nullptr) {
                transport->abortConnection();
            }
        }
    }

    std::array<ITransport*, 2> transports_{};
    std::size_t ended_ = 0;
    std::optional<Deferred<Ref<IProtocol>>> connecting_;
    Ref<IListeningPort> port_;
    DeferredSource<> done_;
};

/// Tells the loopback what happens to one end.
class End final : public detail::ForwardingProtocol {
public:
    End(Ref<Loopback> loopback, std::size_t end, Ref<IProtocol> inner)
        : ForwardingProtocol(std::move(inner)), loopback_(std::move(loopback)), end_(end) {}

    void makeConnection(ITransport& transport) override {
        loopback_->began(end_, transport);
        ForwardingProtocol::makeConnection(transport);
    }
    void transportChanged(ITransport& transport) override {
        loopback_->began(end_, transport);
        ForwardingProtocol::transportChanged(transport);
    }
    void connectionLost(const Failure& reason) override {
        const Ref<Loopback> loopback = loopback_;
        try {
            ForwardingProtocol::connectionLost(reason);
        } catch (...) {
            loopback->ended(end_);
            throw;
        }
        loopback->ended(end_);
    }

private:
    Ref<Loopback> loopback_;
    std::size_t end_;
};

/// Gives its protocol to the first connection, and lets no other one come.
class OneEnd final : public IProtocolFactory {
public:
    OneEnd(Ref<Loopback> loopback, std::size_t end, Ref<IProtocol> protocol)
        : loopback_(std::move(loopback)), end_(end), protocol_(std::move(protocol)) {}

    Ref<IProtocol> buildProtocol(const Address&) override {
        if (end_ == kServer) {
            loopback_->stopListening();
        }
        return protocol_ ? makeRef<End>(loopback_, end_, std::exchange(protocol_, {})) : nullptr;
    }

private:
    Ref<Loopback> loopback_;
    std::size_t end_;
    Ref<IProtocol> protocol_;
};

}  // namespace

Deferred<> loopbackTcp(Reactor& reactor, Ref<IProtocol> client, Ref<IProtocol> server,
                       std::source_location where) {
    const auto loopback = makeRef<Loopback>();
    Deferred<> done = loopback->done();
    const Ref<IListeningPort> port =
        reactor.listenTcp(0, makeRef<OneEnd>(loopback, kServer, std::move(server)),
                          {.interface = "127.0.0.1"}, where);
    loopback->listening(port);
    Deferred<Ref<IProtocol>> attempt = reactor.connectTcp(
        port->getHost(), makeRef<OneEnd>(loopback, kClient, std::move(client)), {}, where);
    loopback->connecting(attempt);
    attempt.addCallbacks([loopback](const Ref<IProtocol>&) { loopback->connected(); },
                         [loopback](const Failure& why) { loopback->fail(why); });
    return done;
}

Deferred<> loopbackUnix(Reactor& reactor, Ref<IProtocol> client, Ref<IProtocol> server,
                        std::source_location where) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw std::system_error(errno, std::generic_category(), "loopbackUnix(): socketpair");
    }
    const UniqueFd clientEnd(ends[kClient]);
    const UniqueFd serverEnd(ends[kServer]);
    const auto loopback = makeRef<Loopback>();
    Deferred<> done = loopback->done();
    reactor.adoptStreamConnection(serverEnd.get(),
                                  makeRef<OneEnd>(loopback, kServer, std::move(server)), where);
    reactor.adoptStreamConnection(clientEnd.get(),
                                  makeRef<OneEnd>(loopback, kClient, std::move(client)), where);
    return done;
}

}  // namespace marline::testing
