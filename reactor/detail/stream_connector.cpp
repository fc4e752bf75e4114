#include <marline/reactor/detail/stream_connector.hpp>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/detail/make_connection.hpp>
#include <marline/reactor/detail/unix_socket.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {

namespace {

// How long to wait for room in the backlog of a UNIX socket.
constexpr Duration kAgain = std::chrono::milliseconds(10);

}  // namespace

StreamConnector::StreamConnector(EventLoop& loop, Address to, Ref<IProtocolFactory> factory,
                                 const StreamConnectorOptions& options)
    : LoopObject(loop), to_(std::move(to)), factory_(std::move(factory)), options_(options),
      source_([this](Deferred<Ref<IProtocol>> d) {
          end();
          d.errback(CancelledError("connecting to " + to_.toString() + " was cancelled"));
      }) {
    failedAtOnce_ = begin();
    if (failedAtOnce_) {
        // Nothing is reported from inside connectTcp() (Twisted: C-10).
        attend();
        return;
    }
    timer_ = loop.clock().callLater(options_.timeout, [this] { timedOut(); });
}

StreamConnector::~StreamConnector() = default;

std::optional<Failure> StreamConnector::begin() {
    try {
        factory_->doStart();
        started_ = true;
        return openSocket();
    } catch (...) {
        return Failure::current();
    }
}

/// What went wrong, if anything did.
std::optional<Failure> StreamConnector::openSocket() {
    if (to_.kind == Address::Kind::Unix) {
        if (!SocketAddress::fromUnix(to_.host, address_)) {
            return Failure::make<ConnectError>(attempt() + ": a path has 1 to 107 bytes, no NUL");
        }
        if (options_.checkPid && to_.host[0] != '\0' && !unixSocketIsLocked(to_.host)) {
            return Failure::make<BadFileError>(attempt() + ": nobody holds the lock " + to_.host +
                                               ".lock (UnixConnectOptions::checkPid)");
        }
    } else if (to_.host.empty() || !SocketAddress::parse(to_.host, to_.port, address_)) {
        return Failure::make<ConnectError>(
            attempt() + ": connectTcp takes a numeric address; use a HostnameEndpoint for names");
    }
    fd_ = UniqueFd(::socket(address_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) {
        return failureFor(errno);
    }
    if (options_.bindAddress.kind != Address::Kind::None) {
        if (std::optional<Failure> failed = bindSocket()) {
            return failed;
        }
    }
    return connectSocket();
}

std::optional<Failure> StreamConnector::bindSocket() {
    const Address& from = options_.bindAddress;
    SocketAddress local;
    const bool numeric = SocketAddress::parse(from.host, from.port, local);
    if (numeric && ::bind(fd_.get(), local.get(), local.length) == 0) {
        return std::nullopt;
    }
    const int error = numeric ? errno : EINVAL;
    return Failure::make<ConnectBindError>(
        "connect to " + to_.toString() + " from " + from.toString() + " failed", lastError(error));
}

std::optional<Failure> StreamConnector::connectSocket() {
    if (::connect(fd_.get(), address_.get(), address_.length) != 0) {
        if (errno == EAGAIN && to_.kind == Address::Kind::Unix) {
            // The listener's backlog is full, and nothing tells when it has room again.
            again_ = loop().clock().callLater(kAgain, [this] {
                if (const std::optional<Failure> failed = connectSocket()) {
                    fail(*failed);
                }
            });
            return std::nullopt;
        }
        if (errno != EINPROGRESS && errno != EINTR) {
            return failureFor(errno);
        }
    }
    event_.emplace(loop(), fd_.get(), &ready, this);
    try {
        event_->watch(EV_WRITE);
    } catch (const std::system_error& error) {
        return failureFor(error.code().value());
    }
    return std::nullopt;
}

void StreamConnector::ready(int, short, void* self) {
    auto& connector = *static_cast<StreamConnector*>(self);
    const ObjectCallback watched(connector);
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(connector.fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    connector.decided(error);
}

void StreamConnector::decided(int error) {
    if (error != 0) {
        fail(failureFor(error));
    } else {
        connected();
    }
}

void StreamConnector::connected() {
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
    StreamConnection& connection =
        makeConnection(loop(), std::move(fd_), to_, protocol, *new FactoryUse(factory_));
    DeferredSource<Ref<IProtocol>> source = std::move(source_);
    end();
    if (connection.start()) {
        source.callback(std::move(protocol));
    } else {
        source.errback(*connection.reason());
    }
}

void StreamConnector::timedOut() {
    const auto allowed =
        std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout).count();
    fail(Failure::make<ConnectTimeoutError>(attempt() + ": timed out after " +
                                            std::to_string(allowed) +
                                            " ms (ConnectOptions::timeout)"));
}

void StreamConnector::fail(const Failure& why) {
    DeferredSource<Ref<IProtocol>> source = std::move(source_);
    end();
    if (source.pending()) {
        source.errback(why);
    }
}

Failure StreamConnector::failureFor(int error) const {
    const std::error_code why = lastError(error);
    switch (error) {
    case ECONNREFUSED: return Failure::make<ConnectionRefusedError>(attempt(), why);
    case ETIMEDOUT: return Failure::make<ConnectTimeoutError>(attempt(), why);
    case ENETUNREACH:
    case EHOSTUNREACH: return Failure::make<NoRouteError>(attempt(), why);
    default: return Failure::make<ConnectError>(attempt(), why);
    }
}

std::string StreamConnector::attempt() const { return "connect to " + to_.toString() + " failed"; }

/// Stops everything and leaves the loop; the Deferred is not touched.
void StreamConnector::end() {
    if (buried()) {
        return;
    }
    event_.reset();
    fd_.reset();
    for (DelayedCall* call : {&timer_, &again_}) {
        if (call->active()) {
            call->cancel();
        }
    }
    bury();
    if (std::exchange(started_, false)) {
        guard("doStop() of a client's factory", [this] { factory_->doStop(); });
    }
}

void StreamConnector::endOfTurn() {
    if (failedAtOnce_) {
        fail(*failedAtOnce_);
    }
}

std::string StreamConnector::describe() const {
    return "an attempt to connect to " + to_.toString();
}

void StreamConnector::shutDown(const Failure& why) { fail(why); }

}  // namespace marline::detail
