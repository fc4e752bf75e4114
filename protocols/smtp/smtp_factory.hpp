// SmtpFactory: a mail server (RFC 5321).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/smtp/delivery.hpp>
#include <marline/protocols/smtp/smtp_credentials.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>
#include <marline/reactor/tls_context.hpp>

namespace marline::smtp {
namespace detail {
class SmtpService;
}

/// The longest command line, with its CRLF (RFC 5321 §4.5.3.1.4).
inline constexpr std::size_t kMaxCommandLine = 512;
/// The longest line of a client that authenticates (RFC 4954 §4), with its CRLF.
inline constexpr std::size_t kMaxAuthLine = 12288;
/// The longest line of a message, with its CRLF and without a doubled dot (RFC 5321 §4.5.3.1.6).
inline constexpr std::size_t kMaxTextLine = 1000;
/// The most recipients of one message (RFC 5321 §4.5.3.1.8).
inline constexpr std::size_t kMaxRecipients = 100;
/// The most bytes of one message, with its line ends.
inline constexpr std::size_t kMaxMessageBytes = 10 * 1024 * 1024;
/// How many mistakes a client may make on one connection.
inline constexpr std::size_t kMaxRefusals = 10;
/// How many bytes of answers may wait for a client that does not read them.
inline constexpr std::size_t kMaxSmtpUnsent = 256 * 1024;
/// How many bytes of further commands are read while a delivery is waited for.
inline constexpr std::size_t kMaxSmtpPipelined = 64 * 1024;
/// How long a delivery may take: no client waits longer (RFC 5321 §4.5.3.2.6).
inline constexpr Duration kMaxSmtpDelivery = std::chrono::minutes(10);
/// How long a client may be silent (RFC 5321 §4.5.3.2.7).
inline constexpr Duration kSmtpIdleTimeout = std::chrono::minutes(5);

/// What a client may do.
struct SmtpLimits {
    /// A longer command is answered with 500.
    std::size_t commandLine = kMaxCommandLine;
    /// A message with a longer line is answered with 500 at its end.
    std::size_t textLine = kMaxTextLine;
    /// Recipients beyond that are answered with 452.
    std::size_t recipients = kMaxRecipients;
    /// A larger message is answered with 552, at MAIL when its SIZE is known there.
    std::size_t messageBytes = kMaxMessageBytes;
    /// After so many commands on one connection that were answered with 500 to 504 (syntax, order)
    /// or 530 to 538 (AUTH) it is closed with 421. What the delivery refuses with other codes, as
    /// recipients that are gone, does not count.
    std::size_t refusals = kMaxRefusals;
    /// When more bytes of answers wait to be read the connection is aborted.
    std::size_t unsent = kMaxSmtpUnsent;
    /// While a delivery is waited for and more bytes than these have come, nothing is read, and
    /// that the client leaves is heard of only afterwards.
    std::size_t pipelined = kMaxSmtpPipelined;
    /// A Deferred of the delivery or of checkCredentials that takes longer is cancelled, and 451.
    Duration delivery = kMaxSmtpDelivery;
    /// A client that sends no whole line for so long is let go with 421. There is no limit on a
    /// session that goes on: each line counts, also of a message that will be refused.
    Duration idle = kSmtpIdleTimeout;
};

/// What an SmtpFactory serves.
struct SmtpOptions {
    /// The server's name, which it greets with.
    std::string host = "localhost";
    /// Offers STARTTLS (RFC 3207) with these certificates.
    std::optional<TlsContext> tls = {};
    /// Takes no mail but under TLS: 530.
    bool requireTls = false;
    /// Offers AUTH PLAIN and LOGIN (RFC 4954), under TLS only: whether these are right. A Failure
    /// is answered as an IMessageDelivery's is. May be a coroutine function.
    UniqueFunction<Deferred<bool>(SmtpCredentials)> checkCredentials = {};
    /// Takes no mail but from who has authenticated: 530.
    bool requireAuth = false;
    SmtpLimits limits = {};
};

/// Serves SMTP with PIPELINING, SIZE, 8BITMIME, STARTTLS and AUTH (Twisted: `SMTPFactory`,
/// `ESMTP`).
///
///     reactor.listenTcp(25, makeRef<smtp::SmtpFactory>(reactor, makeRef<MyDelivery>()));
///
/// Lines end with CRLF and nothing else, messages with CRLF.CRLF and nothing else: a bare CR or LF
/// is answered with 500 and closes the connection, so that no relay before this one can have read
/// another message. Bytes that follow STARTTLS in the clear close it too. For TLS from the start
/// put tlsServerFactory() around it.
class MARLINE_API SmtpFactory final : public IProtocolFactory {
public:
    /// `clock` must outlive the connections. Throws std::invalid_argument when TLS or AUTH is
    /// required and there is none, or without a delivery or host.
    SmtpFactory(IReactorTime& clock, Ref<IMessageDelivery> delivery, SmtpOptions options = {});
    ~SmtpFactory() override;

    Ref<IProtocol> buildProtocol(const Address& peer) override;

private:
    IReactorTime& clock_;
    Ref<detail::SmtpService> service_;
};

}  // namespace marline::smtp
