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

/// Connects one socket; ends with a connection handed to its protocol, or with an error.
class TcpConnector final : public LoopObject {
public:
    TcpConnector(EventLoop& loop, Address to, Ref<IProtocolFactory> factory, Duration timeout,
                 const Address& bindTo);

    Deferred<Ref<IProtocol>> result() const { return source_.deferred(); }

    void endOfTurn() override;
    void shutDown(const Failure& why) override;
    std::string describe() const override;

private:
    ~TcpConnector() override;

    static void ready(int fd, short what, void* self);
    std::optional<Failure> begin(const Address& bindTo);
    std::optional<Failure> openSocket(const Address& bindTo);
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
    Duration timeout_;
    DelayedCall timer_;
    std::optional<Failure> failedAtOnce_;
    bool started_ = false;  // the factory, which is to be stopped then
    DeferredSource<Ref<IProtocol>> source_;
};

}  // namespace marline::detail
