#include <marline/reactor/detail/tcp_connector.hpp>

#include <cerrno>
#include <string>
#include <utility>

#include <netinet/tcp.h>

#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {

TcpConnector::TcpConnector(EventLoop& loop, Address to, Ref<IProtocolFactory> factory,
                           Duration timeout, const Address& bindTo)
    : LoopObject(loop), to_(std::move(to)), factory_(std::move(factory)), timeout_(timeout),
      source_([this](Deferred<Ref<IProtocol>>) { end(); }) {
    factory_->doStart();
    begin(bindTo);
    if (failedAtOnce_) {
        // Nothing is reported from inside connectTcp() (Twisted: C-10).
        attend();
        return;
    }
    timer_ = loop.clock().callLater(timeout_, [this] { fail(failureFor(ETIMEDOUT)); });
}

TcpConnector::~TcpConnector() = default;

void TcpConnector::begin(const Address& bindTo) {
    SocketAddress address;
    if (!SocketAddress::parse(to_.host, to_.port, address) || to_.host.empty()) {
        failedAtOnce_ = Failure::make<ConnectError>(
            "connect to " + to_.toString() + " failed: connectTcp takes a numeric address; "
            "use a HostnameEndpoint for names");
        return;
    }
    fd_ = UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) {
        failedAtOnce_ = failureFor(errno);
        return;
    }
    SocketAddress local;
    if (bindTo.kind != Address::Kind::None &&
        (!SocketAddress::parse(bindTo.host, bindTo.port, local) ||
         ::bind(fd_.get(), local.get(), local.length) != 0)) {
        failedAtOnce_ = Failure::make<ConnectBindError>(
            "connect to " + to_.toString() + " from " + bindTo.toString() + " failed",
            lastError(errno));
        return;
    }
    const int on = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_.get(), address.get(), address.length) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        failedAtOnce_ = failureFor(errno);
        return;
    }
    event_.emplace(loop(), fd_.get(), &ready, this);
    event_->watch(EV_WRITE);
}

void TcpConnector::ready(int, short, void* self) {
    auto& connector = *static_cast<TcpConnector*>(self);
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
    auto* connection = new StreamConnection(loop(), std::move(fd_), to_, protocol, nullptr);
    DeferredSource<Ref<IProtocol>> source = std::move(source_);
    end();
    connection->start();
    source.callback(std::move(protocol));
}

void TcpConnector::fail(const Failure& why) {
    DeferredSource<Ref<IProtocol>> source = std::move(source_);
    end();
    if (source.pending()) {
        source.errback(why);
    }
}

Failure TcpConnector::failureFor(int error) const {
    const std::string what = "connect to " + to_.toString() + " failed";
    const std::error_code why = lastError(error);
    switch (error) {
    case ECONNREFUSED:
        return Failure::make<ConnectionRefusedError>(what, why);
    case ETIMEDOUT: {
        const auto allowed = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
        return Failure::make<ConnectTimeoutError>(what + ": timed out after " +
                                                  std::to_string(allowed) + " ms");
    }
    case ENETUNREACH:
    case EHOSTUNREACH:
        return Failure::make<NoRouteError>(what, why);
    default:
        return Failure::make<ConnectError>(what, why);
    }
}

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
    factory_->doStop();
}

void TcpConnector::endOfTurn() {
    if (failedAtOnce_) {
        fail(Failure(*failedAtOnce_));
    }
}

void TcpConnector::shutDown(const Failure& why) {
    fail(why);
}

}  // namespace marline::detail
