#include <marline/reactor/detail/tcp_connector.hpp>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <netinet/tcp.h>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {

namespace {

/// Lets the factory of a connection go when that has ended.
class FactoryUse final : public IConnectionCounter {
public:
    explicit FactoryUse(Ref<IProtocolFactory> factory) : factory_(std::move(factory)) {}

    void connectionEnded() override {
        const std::unique_ptr<FactoryUse> self(this);
        factory_->doStop();
    }

private:
    Ref<IProtocolFactory> factory_;
};

}  // namespace

TcpConnector::TcpConnector(EventLoop& loop, Address to, Ref<IProtocolFactory> factory,
                           Duration timeout, const Address& bindTo)
    : LoopObject(loop), to_(std::move(to)), factory_(std::move(factory)), timeout_(timeout),
      source_([this](Deferred<Ref<IProtocol>>) { end(); }) {
    failedAtOnce_ = begin(bindTo);
    if (failedAtOnce_) {
        // Nothing is reported from inside connectTcp() (Twisted: C-10).
        attend();
        return;
    }
    timer_ = loop.clock().callLater(timeout_, [this] { timedOut(); });
}

TcpConnector::~TcpConnector() = default;

std::optional<Failure> TcpConnector::begin(const Address& bindTo) {
    try {
        factory_->doStart();
        started_ = true;
        return openSocket(bindTo);
    } catch (...) {
        return Failure::current();
    }
}

/// What went wrong, if anything did.
std::optional<Failure> TcpConnector::openSocket(const Address& bindTo) {
    SocketAddress address;
    if (to_.host.empty() || !SocketAddress::parse(to_.host, to_.port, address)) {
        return Failure::make<ConnectError>(
            attempt() + ": connectTcp takes a numeric address; use a HostnameEndpoint for names");
    }
    fd_ = UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) {
        return failureFor(errno);
    }
    if (bindTo.kind != Address::Kind::None) {
        SocketAddress local;
        const bool numeric = SocketAddress::parse(bindTo.host, bindTo.port, local);
        if (!numeric || ::bind(fd_.get(), local.get(), local.length) != 0) {
            return Failure::make<ConnectBindError>(
                "connect to " + to_.toString() + " from " + bindTo.toString() + " failed",
                lastError(numeric ? errno : EINVAL));
        }
    }
    const int on = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_.get(), address.get(), address.length) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        return failureFor(errno);
    }
    event_.emplace(loop(), fd_.get(), &ready, this);
    event_->watch(EV_WRITE);
    return std::nullopt;
}

void TcpConnector::ready(int, short, void* self) {
    auto& connector = *static_cast<TcpConnector*>(self);
    const ObjectCallback watched(connector);
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(connector.fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    connector.decided(error);
}

void TcpConnector::decided(int error) {
    if (error != 0) {
        fail(failureFor(error));
    } else {
        connected();
    }
}

void TcpConnector::connected() {
    event_.reset();
    Ref<IProtocol> protocol;
    try {
        protocol = factory_->buildProtocol(to_);
    } catch (...) {
        fail(Failure::current());
        return;
    }
    if (!protocol) {
        fail(Failure::make<NoProtocol>("connection to " + to_.toString() +
                                       " closed: the factory gave no protocol"));
        return;
    }
    // From here on the connection is what uses the factory.
    started_ = false;
    auto* connection =
        new StreamConnection(loop(), std::move(fd_), to_, protocol, new FactoryUse(factory_));
    DeferredSource<Ref<IProtocol>> source = std::move(source_);
    end();
    if (connection->start()) {
        source.callback(std::move(protocol));
    } else {
        source.errback(*connection->reason());
    }
}

void TcpConnector::timedOut() {
    const auto allowed = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
    fail(Failure::make<ConnectTimeoutError>(attempt() + ": timed out after " +
                                            std::to_string(allowed) +
                                            " ms (ConnectOptions::timeout)"));
}

void TcpConnector::fail(const Failure& why) {
    DeferredSource<Ref<IProtocol>> source = std::move(source_);
    end();
    if (source.pending()) {
        source.errback(why);
    }
}

Failure TcpConnector::failureFor(int error) const {
    const std::error_code why = lastError(error);
    switch (error) {
    case ECONNREFUSED: return Failure::make<ConnectionRefusedError>(attempt(), why);
    case ETIMEDOUT: return Failure::make<ConnectTimeoutError>(attempt(), why);
    case ENETUNREACH:
    case EHOSTUNREACH: return Failure::make<NoRouteError>(attempt(), why);
    default: return Failure::make<ConnectError>(attempt(), why);
    }
}

std::string TcpConnector::attempt() const { return "connect to " + to_.toString() + " failed"; }

/// Stops everything and leaves the loop; the Deferred is not touched.
void TcpConnector::end() {
    if (buried()) {
        return;
    }
    event_.reset();
    fd_.reset();
    if (timer_.active()) {
        timer_.cancel();
    }
    bury();
    if (std::exchange(started_, false)) {
        guard("doStop() of a client's factory", [this] { factory_->doStop(); });
    }
}

void TcpConnector::endOfTurn() {
    if (failedAtOnce_) {
        fail(*failedAtOnce_);
    }
}

std::string TcpConnector::describe() const { return "an attempt to connect to " + to_.toString(); }

void TcpConnector::shutDown(const Failure& why) { fail(why); }

}  // namespace marline::detail
