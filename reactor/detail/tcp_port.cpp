#include <marline/reactor/detail/tcp_port.hpp>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include <netinet/tcp.h>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// Connections accepted in a row before others get their turn.
constexpr int kAcceptsPerTurn = 64;
// How long no connection is accepted when the process or the system is out of descriptors.
constexpr Duration kRest = std::chrono::milliseconds(100);

UniqueFd bindSocket(std::uint16_t port, const ListenOptions& options) {
    const std::string where = "cannot listen on " +
                              (options.interface.empty() ? "*" : options.interface) + ":" +
                              std::to_string(port);
    SocketAddress address;
    if (!SocketAddress::parse(options.interface, port, address)) {
        throw CannotListenError(where + " (interface is no numeric address)", lastError(EINVAL));
    }
    UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (options.reusePort &&
         setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        ::bind(fd.get(), address.get(), address.length) != 0 ||
        ::listen(fd.get(), options.backlog) != 0) {
        throw CannotListenError(where, lastError(errno));
    }
    return fd;
}

}  // namespace

std::size_t TcpPortHandle::connections() const noexcept {
    return port_ != nullptr ? port_->connections() : 0;
}

Deferred<> TcpPortHandle::stopListening() { return port_ != nullptr ? port_->stop() : succeed(); }

TcpPort::TcpPort(EventLoop& loop, std::uint16_t port, Ref<IProtocolFactory> factory,
                 const ListenOptions& options)
    : LoopObject(loop), fd_(bindSocket(port, options)), event_(loop, fd_.get(), &ready, this),
      factory_(std::move(factory)), options_(options),
      handle_(makeRef<TcpPortHandle>(*this, localAddress(fd_.get()))) {
    factory_->doStart();
    watch();
}

TcpPort::~TcpPort() = default;

void TcpPort::watch() {
    const bool full = options_.maxConnections != 0 && open_ >= options_.maxConnections;
    event_.watch(fd_ && !full && !resting_ && !stopping_ ? EV_READ : 0);
}

void TcpPort::ready(int, short, void* self) {
    const ObjectCallback watched(*static_cast<TcpPort*>(self));
    // Nothing may be thrown through libevent.
    guard("accepting a connection", [self] { static_cast<TcpPort*>(self)->acceptSome(); });
}

void TcpPort::acceptSome() {
    for (int i = 0; i < kAcceptsPerTurn && event_.interest() != 0; ++i) {
        if (!acceptOne()) {
            return;
        }
    }
}

/// False when there is nothing more to accept for now.
bool TcpPort::acceptOne() {
    SocketAddress peer;
    peer.length = sizeof peer.storage;
    UniqueFd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
        troubled_ = false;
        accepted(std::move(fd), peer);
        return true;
    }
    switch (errno) {
    case EAGAIN:
#if EAGAIN != EWOULDBLOCK
    case EWOULDBLOCK:
#endif
        return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: rest(errno); return false;
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
        // The socket is not what it was: somebody else closed it. Accepting again would spin.
        rest(errno);
        return false;
    default:
        // The connection is gone already (ECONNABORTED), or a firewall forbids it (EPERM), or the
        // network had something to say about it: the next one may be well.
        return true;
    }
}

void TcpPort::accepted(UniqueFd fd, const SocketAddress& peer) {
    const Address address = Address::fromSockaddr(peer.get(), peer.length);
    Ref<IProtocol> protocol;
    try {
        protocol = factory_->buildProtocol(address);
    } catch (...) {
        log(LogLevel::Error,
            "buildProtocol for " + address.toString() + " failed: " + Failure::current().brief());
    }
    if (!protocol) {
        return;
    }
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++open_;
    watch();
    if (open_ == options_.maxConnections && !warned_) {
        warned_ = true;
        log(LogLevel::Warning, handle_->getHost().toString() + " has " + std::to_string(open_) +
                                   " connections; further ones wait until one ends "
                                   "(ListenOptions::maxConnections)");
    }
    auto* connection =
        new StreamConnection(loop(), std::move(fd), address, std::move(protocol), this);
    connection->start();
}

/// Out of descriptors or memory: accepting again at once would only spin.
void TcpPort::rest(int error) {
    if (!troubled_) {
        troubled_ = true;
        log(LogLevel::Error, "cannot accept on " + handle_->getHost().toString() + ": " +
                                 lastError(error).message() +
                                 "; trying again every 100 ms (raise the limit of open files, "
                                 "ulimit -n, or lower ListenOptions::maxConnections)");
    }
    resting_ = true;
    watch();
    wakeUp_ = loop().clock().callLater(kRest, [this] {
        resting_ = false;
        watch();
    });
}

void TcpPort::connectionEnded() {
    --open_;
    // Said again only after the crowd had gone: not at every one that comes and goes.
    warned_ = warned_ && open_ > options_.maxConnections / 2;
    if (open_ == 0 && !fd_) {
        handle_->port_ = nullptr;
        bury();
    } else {
        watch();
    }
}

Deferred<> TcpPort::stop() {
    stopping_ = true;
    watch();
    stopped_.emplace_back();
    attend();
    return stopped_.back().deferred();
}

void TcpPort::endOfTurn() {
    if (stopping_ && fd_) {
        close();
    }
    if (!fd_) {
        for (DeferredSource<>& source : std::exchange(stopped_, {})) {
            source.callback();
        }
    }
}

void TcpPort::close() {
    event_.watch(0);
    fd_.reset();
    if (wakeUp_.active()) {
        wakeUp_.cancel();
    }
    handle_->port_ = open_ == 0 ? nullptr : this;
    try {
        factory_->doStop();
    } catch (...) {
        const Failure failure = Failure::current();
        for (DeferredSource<>& source : std::exchange(stopped_, {})) {
            source.errback(failure);
        }
    }
    if (open_ == 0) {
        bury();
    }
}

std::string TcpPort::describe() const {
    return "a port on " + handle_->getHost().toString() + " with " + std::to_string(open_) +
           " connections";
}

void TcpPort::shutDown(const Failure&) {
    stopping_ = true;
    if (fd_) {
        close();
    }
    endOfTurn();
}

}  // namespace marline::detail
