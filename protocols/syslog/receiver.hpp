// Syslog's receiving side: over UDP, TCP or TLS.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/protocols/datagram.hpp>
#include <marline/protocols/frame_receiver.hpp>
#include <marline/protocols/syslog/message.hpp>
#include <marline/reactor/address.hpp>

namespace marline::syslog {

/// Hears the messages of one connection, each with its length before it (RFC 6587 §3.4.1, RFC
/// 5425), or, when it begins with its priority, with LF behind it (§3.4.2). For TLS put
/// tlsServerFactory() around its factory.
///
///     class Printing : public syslog::Receiver {
///         void messageReceived(syslog::Message message, const Address& from) override { … }
///     };
///     reactor.listenTcp(syslog::kTcpPort, makeFactory<Printing>());
///
/// As a producer of messages it may be paused. There is no idle timeout: senders are silent for
/// long. Nobody knows who sends over TCP, and how true it is.
class MARLINE_API Receiver : public FrameReceiver {
public:
    /// A longer one closes the connection, and that is logged at LogLevel::Info; kMaxMessage at
    /// first.
    void setMaxMessage(std::size_t bytes) noexcept { maxMessage_ = bytes; }
    std::size_t maxMessage() const noexcept { return maxMessage_; }

protected:
    ~Receiver() override = default;

    /// A message came.
    virtual void messageReceived(Message message, const Address& from) = 0;
    /// What came is none; `data` is gone when this returns. Unless overridden it is logged at
    /// LogLevel::Info why.
    virtual void badMessageReceived(std::string_view data, const Failure& why, const Address& from);

    bool parseFrame() override;

private:
    bool parseCounted(std::string_view data);
    bool parseLine(std::string_view data);
    void give(std::string_view data);
    bool refuse(std::string_view why);

    std::size_t maxMessage_ = kMaxMessage;
};

/// Hears messages that come as datagrams (RFC 5426). The longest is UdpOptions::maxPacketSize.
///
///     class Printing : public syslog::UdpReceiver {
///         void messageReceived(syslog::Message message, const Address& from) override { … }
///     };
///     reactor.listenUdp(syslog::kUdpPort, makeRef<Printing>());
class MARLINE_API UdpReceiver : public DatagramProtocol {
public:
    void datagramReceived(std::span<const std::byte> data, const Address& from) final;

protected:
    ~UdpReceiver() override = default;

    /// As a Receiver's.
    virtual void messageReceived(Message message, const Address& from) = 0;
    virtual void badMessageReceived(std::string_view data, const Failure& why, const Address& from);
};

}  // namespace marline::syslog
