// What a mail server's user writes: who may send to whom, and what becomes of a message.
#pragma once

#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/smtp/errors.hpp>
#include <marline/protocols/smtp/mail_address.hpp>
#include <marline/reactor/address.hpp>

namespace marline::smtp {

/// What a mail server knows of a client (Twisted: the `helo` that IMessageDelivery gets).
struct SmtpSession {
    /// What it said in HELO or EHLO: a claim, and nothing more. Printable ASCII without blanks.
    std::string helo;
    /// True after EHLO.
    bool extended = false;
    /// True when the connection is under TLS.
    bool tls = false;
    /// Who it is, by AUTH; empty before.
    std::string user;
    /// Where it connects from.
    Address peer;
    /// The server's own name.
    std::string host;
};

/// One message on its way in, for one recipient (Twisted: `IMessage`). Which of eomReceived() and
/// connectionLost() is called last; never both.
class MARLINE_API IMessage : public RefCounted {
public:
    /// A line, without its CRLF and without the dot that SMTP puts before a dot. The view is gone
    /// when this returns. What it throws refuses the message: an SmtpError says how.
    virtual void lineReceived(std::string_view line) = 0;
    /// The message is whole. The server answers 250 once the Deferred has fired: from then on the
    /// message is this side's to deliver. A Failure of it refuses the message. It is cancelled when
    /// the connection is lost before, or SmtpLimits::delivery is over: a client that did not hear
    /// the 250 sends the message again. What cannot be cancelled any more is delivered twice.
    virtual Deferred<> eomReceived() = 0;
    /// The message will not become whole: the connection is gone, or the message was refused.
    virtual void connectionLost() = 0;

protected:
    ~IMessage() override = default;
};

/// Makes the message of a recipient, when its content is about to come.
using MessageMaker = UniqueFunction<Ref<IMessage>()>;

/// Decides what a server takes (Twisted: `IMessageDelivery`).
///
/// A Failure that holds an SmtpError with a code from 400 to 599 is answered with that; any other
/// with 451, and is logged. What is thrown counts as a Failure. What they get is theirs, so that
/// they may be coroutines. When the connection is lost, which a client's end of input is taken for
/// as well, what has not fired is cancelled; a later Failure of it is logged.
class MARLINE_API IMessageDelivery : public RefCounted {
public:
    /// May this client send in the name of `origin`, which may be null? Fires with the sender to
    /// go on with.
    virtual Deferred<MailAddress> validateFrom(SmtpSession session, MailAddress origin) = 0;
    /// Is there such a recipient? Fires with what makes the message; SmtpBadRcpt says no.
    virtual Deferred<MessageMaker> validateTo(SmtpSession session, MailAddress origin,
                                              MailAddress recipient) = 0;
    /// The trace field (RFC 5321 §4.4) that every message gets as its first line; empty for none.
    /// Unless overridden it names the client, this server, the protocol and the time. It is one
    /// line of no more than 998 bytes; for another the message is refused with 451, and logged.
    virtual std::string receivedHeader(const SmtpSession& session, const MailAddress& origin);

protected:
    ~IMessageDelivery() override = default;
};

/// The time now as mail writes it (RFC 5322 §3.3), in UTC (Twisted: `rfc822date`).
MARLINE_API std::string mailDate();

}  // namespace marline::smtp
