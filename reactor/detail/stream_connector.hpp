// Internal: not installed. One attempt to connect.
#pragma once

#include <optional>
#include <string>

#include <marline/deferred/source.hpp>
#include <marline/reactor/detail/event_loop.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline::detail {

/// How a socket of either kind connects.
struct StreamConnectorOptions {
    Duration timeout;
    Address bindAddress = {};  // IP sockets only
    bool checkPid = false;     // UNIX sockets only
};

/// Connects one socket; ends with a connection handed to its protocol, or with an error.
class StreamConnector final : public LoopObject {
public:
    StreamConnector(EventLoop& loop, Address to, Ref<IProtocolFactory> factory,
                    const StreamConnectorOptions& options);

    Deferred<Ref<IProtocol>> result() const { return source_.deferred(); }

    void endOfTurn() override;
    void shutDown(const Failure& why) override;
    std::string describe() const override;

private:
    ~StreamConnector() override;

    static void ready(int fd, short what, void* self);
    std::optional<Failure> begin();
    std::optional<Failure> openSocket();
    std::optional<Failure> bindSocket();
    std::optional<Failure> connectSocket();
    void decided(int error);
    void connected();
    void fail(const Failure& why);
    void timedOut();
    Failure failureFor(int error) const;
    std::string attempt() const;
    void end();

    UniqueFd fd_;
    std::optional<FdEvent> event_;
    Address to_;
    Ref<IProtocolFactory> factory_;
    StreamConnectorOptions options_;
    SocketAddress address_;
    DelayedCall timer_;
    DelayedCall again_;
    std::optional<Failure> failedAtOnce_;
    bool started_ = false;  // the factory, which is to be stopped then
    DeferredSource<Ref<IProtocol>> source_;
};

}  // namespace marline::detail
