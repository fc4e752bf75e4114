// Internal: not installed. A listening socket.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/detail/unix_socket.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/listening_port.hpp>

namespace marline::detail {

class StreamPort;

/// The user's handle of a port; it outlives the port and knows when that has gone.
class StreamPortHandle final : public IListeningPort {
public:
    StreamPortHandle(StreamPort& port, Address address)
        : port_(&port), address_(std::move(address)) {}

    const Address& getHost() const noexcept override { return address_; }
    std::size_t connections() const noexcept override;
    Deferred<> stopListening() override;

private:
    friend class StreamPort;

    StreamPort* port_;
    Address address_;
};

/// Listens on a TCP socket; throws CannotListenError.
ListeningSocket listenOnTcpSocket(std::uint16_t port, const ListenOptions& options);

/// Accepts connections while there is room for them.
class StreamPort final : public LoopObject, private IConnectionCounter {
public:
    /// `maxConnections` is as in ListenOptions.
    StreamPort(EventLoop& loop, ListeningSocket socket, Ref<IProtocolFactory> factory,
               std::size_t maxConnections);

    const Ref<StreamPortHandle>& handle() const noexcept { return handle_; }
    std::size_t connections() const noexcept { return open_; }
    Deferred<> stop();

    void endOfTurn() override;
    void shutDown(const Failure& why) override;
    std::string describe() const override;

private:
    ~StreamPort() override;

    static void ready(int fd, short what, void* self);
    void acceptSome();
    bool acceptOne();
    void accepted(UniqueFd fd, const SocketAddress& peer);
    void rest(int error);
    void watch();
    void close();
    void connectionEnded() override;

    UniqueFd fd_;
    std::unique_ptr<UnixSocketFile> file_;  // of a UNIX socket
    FdEvent event_;
    Ref<IProtocolFactory> factory_;
    std::size_t maxConnections_;
    Ref<StreamPortHandle> handle_;
    std::size_t open_ = 0;
    bool resting_ = false;
    bool stopping_ = false;
    bool warned_ = false;    // of as many connections as are allowed
    bool troubled_ = false;  // accepting failed, and that was logged
    DelayedCall wakeUp_;
    std::vector<DeferredSource<>> stopped_;
};

}  // namespace marline::detail
