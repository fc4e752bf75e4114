// Syslog's sending side: over UDP, TCP or TLS, and to this host's own daemon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/protocols/datagram.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/protocols/syslog/message.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/unix_datagram.hpp>

namespace marline::syslog {

/// Where servers listen: for datagrams, for TCP, and for TLS (RFC 5426, RFC 6587, RFC 5425).
inline constexpr std::uint16_t kUdpPort = 514;
inline constexpr std::uint16_t kTcpPort = 601;
inline constexpr std::uint16_t kTlsPort = 6514;
/// How many bytes may wait for a server that does not take them; what is more is dropped.
inline constexpr std::size_t kMaxUnsent = 1024 * 1024;
/// This host's own daemon.
inline constexpr const char* kLocalSocket = "/dev/log";

/// Sends messages as datagrams (RFC 5426). Nobody says whether they arrive.
///
///     auto sender = makeRef<syslog::UdpSender>(Address{Address::Kind::Ipv4, 514, "192.0.2.1"});
///     auto port = reactor.listenUdp(0, sender);
///     sender->send(syslog::localMessage("app", syslog::Severity::Error, "no disk"));
class MARLINE_API UdpSender final : public DatagramProtocol {
public:
    /// `to` is numeric, and of the family of the port that it is used with.
    explicit UdpSender(Address to) : to_(std::move(to)) {}

    /// False when there is no port. Throws as formatMessage().
    bool send(const Message& message);
    /// Longer ones are cut, see formatMessage(); kMaxMessage at first.
    void setMaxMessage(std::size_t bytes) noexcept { maxMessage_ = bytes; }
    std::size_t maxMessage() const noexcept { return maxMessage_; }

private:
    void startProtocol() override { transport()->connect(to_); }

    Address to_;
    std::size_t maxMessage_ = kMaxMessage;
};

/// Sends messages over TCP, or TLS when its endpoint says so, each with its length before it (RFC
/// 6587 §3.4.1, RFC 5425). To keep the connection up give its factory to a ClientService.
///
///     auto service = makeRef<ClientService>(reactor, endpoint, makeFactory<syslog::Sender>());
class MARLINE_API Sender final : public Protocol {
public:
    /// False, and dropped() counts it, when there is no connection, or more than maxUnsent() bytes
    /// would wait. Throws as formatMessage().
    bool send(const Message& message);
    /// How many were not sent.
    std::uint64_t dropped() const noexcept { return dropped_; }

    /// Longer ones are cut, see formatMessage(); kMaxMessage at first.
    void setMaxMessage(std::size_t bytes) noexcept { maxMessage_ = bytes; }
    std::size_t maxMessage() const noexcept { return maxMessage_; }
    /// How much may wait; kMaxUnsent at first.
    void setMaxUnsent(std::size_t bytes) noexcept { maxUnsent_ = bytes; }
    std::size_t maxUnsent() const noexcept { return maxUnsent_; }

private:
    std::size_t maxMessage_ = kMaxMessage;
    std::size_t maxUnsent_ = kMaxUnsent;
    std::uint64_t dropped_ = 0;
};

/// Sends messages to this host's own daemon, as formatLocalMessage() writes them. Needs no reactor,
/// and waits for nothing. Of one thread.
class MARLINE_API LocalSender {
public:
    /// Throws InvalidAddressError for a path that no UNIX socket can have.
    explicit LocalSender(const std::string& path = kLocalSocket) : socket_(path) {}

    /// Why it was not sent: nobody listens there, or does not read. Throws as formatMessage().
    std::error_code send(const Message& message);

private:
    UnixDatagramSender socket_;
};

}  // namespace marline::syslog
