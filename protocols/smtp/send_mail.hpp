// sendMail: hands a message to a mail server (RFC 5321).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/protocols/smtp/errors.hpp>
#include <marline/protocols/smtp/smtp_credentials.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/time.hpp>
#include <marline/reactor/tls_context.hpp>

namespace marline::smtp {

/// How long a server may take to answer a command (RFC 5321 §4.5.3.2).
inline constexpr Duration kSmtpReplyTimeout = std::chrono::minutes(5);
/// How long it may take none of a message's text, and then to answer to the whole (RFC 5321
/// §4.5.3.2.5 and .6).
inline constexpr Duration kSmtpDeliveryTimeout = std::chrono::minutes(10);
/// How long the answer to QUIT is waited for, when all is done.
inline constexpr Duration kSmtpQuitTimeout = std::chrono::seconds(10);
/// The longest line of an answer, without its CRLF; RFC 5321 §4.5.3.1.5 wants 510, some say more.
inline constexpr std::size_t kMaxReplyLine = 2048;
/// The most lines of one answer.
inline constexpr std::size_t kMaxReplyLines = 100;

/// Whether STARTTLS (RFC 3207) is said.
enum class SmtpTls : unsigned char {
    Required,       ///< Nothing is sent without TLS.
    Opportunistic,  ///< When the server offers it. Somebody in between can take the offer away.
    None,           ///< Not at all; also for connections that are under TLS already.
};

/// How sendMail() speaks with the server.
struct SendMailOptions {
    /// What it calls itself.
    std::string helo = "localhost";
    SmtpTls tls = SmtpTls::Required;
    /// The name that the server's certificate must be for; needed unless there is no TLS.
    std::string host = {};
    /// Whom to trust: what the system trusts, unless given.
    std::optional<TlsContext> context = {};
    /// Authenticates with PLAIN, else LOGIN; under TLS only.
    std::optional<SmtpCredentials> credentials = {};
    Duration replyTimeout = kSmtpReplyTimeout;
    /// Looked at once in that time: while the server takes of the text it has another one.
    Duration deliveryTimeout = kSmtpDeliveryTimeout;
};

/// What became of a message that the server took.
struct MARLINE_API SmtpSent {
    /// What it said to each recipient, in order; it need not have accepted all.
    std::vector<RecipientAnswer> answers;
    /// What it said to the message; some name it here.
    std::string text;

    /// How many recipients will get it (Twisted: `numOk`).
    std::size_t accepted() const noexcept;
};

/// Hands one message to the server at `endpoint` (Twisted: `sendmail`). Each of `from` and `to` is
/// `local@domain`; an empty `from` is the null sender. `message` has its headers; its lines may end
/// with LF or CRLF.
///
///     sendMail(reactor, *clientFromString(reactor, "tcp:host=mail.example.org:port=587"),
///              "me@example.org", {"you@example.org"}, "Subject: hello\n\nHow are you?\n",
///              {.host = "mail.example.org", .credentials = {{"me", "secret"}}});
///
/// Fails with SmtpTemporaryError or SmtpPermanentError when the server refuses, SmtpDeliveryError
/// when it refuses every recipient, TlsRequiredError or AuthRequiredError when it does not offer
/// what is needed, SmtpProtocolError, TimeoutError, TlsError, what connecting fails with, or the
/// connection's end. Cancelling it closes the connection: nobody knows then whether the server has
/// the message.
///
/// Throws std::invalid_argument for what is no address, no recipients, a message with a CR without
/// LF or a line of more than 998 bytes, credentials with a NUL, and without a host when there is to
/// be TLS.
MARLINE_API Deferred<SmtpSent> sendMail(IReactorTime& clock, IStreamClientEndpoint& endpoint,
                                        std::string_view from, const std::vector<std::string>& to,
                                        std::string_view message, SendMailOptions options = {});

}  // namespace marline::smtp
