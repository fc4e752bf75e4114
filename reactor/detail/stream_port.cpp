#include <marline/reactor/detail/stream_port.hpp>

#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/guard.hpp>
#include <marline/reactor/detail/health_watch.hpp>
#include <marline/reactor/detail/make_connection.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

// Connections accepted in a row before others get their turn.
constexpr int kAcceptsPerTurn = 64;
// How long no connection is accepted when the process or the system is out of descriptors.
constexpr Duration kRest = std::chrono::milliseconds(100);

}  // namespace

ListeningSocket listenOnTcpSocket(std::uint16_t port, const ListenOptions& options) {
    UniqueFd fd = bindSocket({.type = SOCK_STREAM,
                              .interface = options.interface,
                              .port = port,
                              .reuseAddress = true,
                              .reusePort = options.reusePort});
    if (::listen(fd.get(), options.backlog) != 0) {
        throw CannotListenError(listenAttempt(options.interface, port), lastError(errno));
    }
    return {std::move(fd)};
}

std::size_t StreamPortHandle::connections() const noexcept {
    return port_ != nullptr ? port_->connections() : 0;
}

Deferred<> StreamPortHandle::stopListening() {
    return port_ != nullptr ? port_->stop() : succeed();
}

StreamPort::StreamPort(EventLoop& loop, ListeningSocket socket, Ref<IProtocolFactory> factory,
                       std::size_t maxConnections)
    : LoopObject(loop), fd_(std::move(socket.fd)), file_(std::move(socket.file)),
      event_(loop, fd_.get(), &ready, this), factory_(std::move(factory)),
      maxConnections_(maxConnections),
      handle_(makeRef<StreamPortHandle>(*this, localAddress(fd_.get()))) {
    try {
        event_.watch(EV_READ);
    } catch (const std::system_error& error) {
        throw CannotListenError("cannot listen on " + handle_->getHost().toString(), error.code());
    }
    factory_->doStart();
}

StreamPort::~StreamPort() = default;

void StreamPort::watch() {
    const bool full = maxConnections_ != 0 && open_ >= maxConnections_;
    try {
        event_.watch(fd_ && !full && !resting_ && !stopping_ ? EV_READ : 0);
    } catch (const std::system_error& error) {
        rest(error.code().value());
    }
}

void StreamPort::ready(int, short, void* self) {
    const ObjectCallback watched(*static_cast<StreamPort*>(self));
    // Nothing may be thrown through libevent.
    guard("accepting a connection", [self] { static_cast<StreamPort*>(self)->acceptSome(); });
}

void StreamPort::acceptSome() {
    for (int i = 0; i < kAcceptsPerTurn && event_.interest() != 0; ++i) {
        if (!acceptOne()) {
            return;
        }
    }
}

/// False when there is nothing more to accept for now.
bool StreamPort::acceptOne() {
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

void StreamPort::accepted(UniqueFd fd, const SocketAddress& peer) {
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
    ++open_;
    watch();
    if (open_ == maxConnections_ && !warned_) {
        warned_ = true;
        log(LogLevel::Warning, handle_->getHost().toString() + " has " + std::to_string(open_) +
                                   " connections; further ones wait until one ends "
                                   "(maxConnections)");
    }
    makeConnection(loop(), std::move(fd), address, std::move(protocol), *this).start();
}

/// Out of descriptors or memory: trying again at once would only spin.
void StreamPort::rest(int error) {
    if (!troubled_) {
        troubled_ = true;
        log(LogLevel::Error, "cannot accept on " + handle_->getHost().toString() + ": " +
                                 lastError(error).message() +
                                 "; trying again every 100 ms (raise the limit of open files, "
                                 "ulimit -n, or lower maxConnections)");
    }
    resting_ = true;
    watch();
    wakeUp_ = loop().clock().callLater(kRest, [this] {
        resting_ = false;
        watch();
    });
}

void StreamPort::connectionEnded() {
    --open_;
    // Said again only after the crowd had gone: not at every one that comes and goes.
    warned_ = warned_ && open_ > maxConnections_ / 2;
    if (open_ == 0 && !fd_) {
        handle_->port_ = nullptr;
        bury();
    } else {
        watch();
    }
}

Deferred<> StreamPort::stop() {
    stopping_ = true;
    watch();
    stopped_.emplace_back();
    attend();
    return stopped_.back().deferred();
}

void StreamPort::endOfTurn() {
    if (stopping_ && fd_) {
        close();
    }
    if (!fd_) {
        for (DeferredSource<>& source : std::exchange(stopped_, {})) {
            source.callback();
        }
    }
}

void StreamPort::close() {
    event_.watch(0);
    fd_.reset();
    file_.reset();
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

std::string StreamPort::describe() const {
    return "a port on " + handle_->getHost().toString() + " with " + std::to_string(open_) +
           " connections";
}

void StreamPort::shutDown(const Failure&) {
    stopping_ = true;
    if (fd_) {
        close();
    }
    endOfTurn();
}

}  // namespace marline::detail
