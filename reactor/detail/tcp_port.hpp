// Internal: not installed. A listening socket.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/detail/stream_connection.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/listening_port.hpp>

namespace marline::detail {

class TcpPort;

/// The user's handle of a port; it outlives the port and knows when that has gone.
class TcpPortHandle final : public IListeningPort {
public:
    TcpPortHandle(TcpPort& port, Address address) : port_(&port), address_(std::move(address)) {}

    const Address& getHost() const noexcept override { return address_; }
    std::size_t connections() const noexcept override;
    Deferred<> stopListening() override;

private:
    friend class TcpPort;

    TcpPort* port_;
    Address address_;
};

/// Accepts connections while there is room for them.
class TcpPort final : public LoopObject, private IConnectionCounter {
public:
    /// Binds and listens; throws CannotListenError.
    TcpPort(EventLoop& loop, std::uint16_t port, Ref<IProtocolFactory> factory,
            const ListenOptions& options);

    const Ref<TcpPortHandle>& handle() const noexcept { return handle_; }
    std::size_t connections() const noexcept { return open_; }
    Deferred<> stop();

    void endOfTurn() override;
    void shutDown(const Failure& why) override;
    std::string describe() const override;

private:
    ~TcpPort() override;

    static void ready(int fd, short what, void* self);
    void acceptSome();
    bool acceptOne();
    void accepted(UniqueFd fd, const SocketAddress& peer);
    void rest(int error);
    void watch();
    void close();
    void connectionEnded() override;

    UniqueFd fd_;
    FdEvent event_;
    Ref<IProtocolFactory> factory_;
    ListenOptions options_;
    Ref<TcpPortHandle> handle_;
    std::size_t open_ = 0;
    bool resting_ = false;
    bool stopping_ = false;
    bool warned_ = false;    // of as many connections as are allowed
    bool troubled_ = false;  // accepting failed, and that was logged
    DelayedCall wakeUp_;
    std::vector<DeferredSource<>> stopped_;
};

}  // namespace marline::detail
