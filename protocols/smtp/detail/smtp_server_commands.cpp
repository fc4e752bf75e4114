#include <charconv>

#include <marline/deferred/succeed.hpp>
#include <marline/protocols/smtp/detail/command.hpp>
#include <marline/protocols/smtp/detail/smtp_server.hpp>
#include <marline/reactor/tls.hpp>

namespace marline::smtp::detail {

void SmtpServer::commandReceived(std::string_view line) {
    // RFC 5321 §4.1.1: blanks at the end mean nothing.
    std::string_view rest = line.substr(0, line.find_last_not_of(" \t") + 1);
    const std::string verb = upper(takeWord(rest));
    if (verb == "HELO" || verb == "EHLO") {
        helo(rest, verb == "EHLO");
    } else if (verb == "NOOP") {
        reply(250, "OK");
    } else if (verb == "VRFY") {
        rest.empty() ? reply(501, "VRFY whom?") : reply(252, "send some mail, and see");
    } else if (verb == "HELP") {
        reply(214, "see RFC 5321");
    } else if ((verb == "RSET" || verb == "QUIT" || verb == "DATA") && !rest.empty()) {
        reply(501, verb + " has no argument");
    } else if (verb == "RSET") {
        resetTransaction();
        reply(250, "OK");
    } else if (verb == "QUIT") {
        close(221, "bye");
    } else if (verb == "EXPN") {
        reply(502, "EXPN is not offered");
    } else if (!transactionCommand(verb, rest)) {
        reply(500, "command not recognized");
    }
}

bool SmtpServer::transactionCommand(std::string_view verb, std::string_view rest) {
    if (verb == "MAIL") {
        mail(rest);
    } else if (verb == "RCPT") {
        rcpt(rest);
    } else if (verb == "DATA") {
        data();
    } else if (verb == "STARTTLS" && service_->options.tls) {
        startTlsReceived(rest);
    } else if (verb == "AUTH" && service_->options.checkCredentials) {
        auth(rest);
    } else {
        return false;
    }
    return true;
}

bool SmtpServer::offersTls() const { return service_->options.tls && !session_.tls; }

void SmtpServer::helo(std::string_view name, bool extended) {
    if (!isHelo(name)) {
        reply(501, "say your name");
        return;
    }
    resetTransaction();
    session_.helo = name;
    session_.extended = extended;
    session_.tls = transport()->tls() != nullptr;
    if (!extended) {
        reply(250, session_.host);
        return;
    }
    replyLine(250, '-', session_.host);
    replyLine(250, '-', "PIPELINING");
    replyLine(250, '-', "8BITMIME");
    if (offersTls()) {
        replyLine(250, '-', "STARTTLS");
    }
    if (offersAuth()) {
        replyLine(250, '-', "AUTH PLAIN LOGIN");
    }
    replyLine(250, ' ', "SIZE " + std::to_string(service_->options.limits.messageBytes));
}

/// RFC 3207 §4. What the client has said so far may have been said by somebody in between.
void SmtpServer::startTlsReceived(std::string_view rest) {
    if (!rest.empty()) {
        reply(501, "STARTTLS has no argument");
    } else if (transport()->tls() != nullptr) {
        reply(503, "TLS has begun");
    } else if (!unparsed().empty()) {
        skip(unparsed().size());
        close(554, "nothing may follow STARTTLS");
    } else {
        resetTransaction();
        ITransport& below = *transport();
        beginSession();
        reply(220, "go ahead");
        if (!below.disconnecting()) {
            startTls(below, *service_->options.tls, clock_);
        }
    }
}

void SmtpServer::resetTransaction() {
    sender_.reset();
    recipients_.clear();
}

/// False, and answered, when the time for MAIL has not come.
bool SmtpServer::mayMail() {
    const SmtpOptions& options = service_->options;
    if (session_.helo.empty()) {
        reply(503, "say HELO or EHLO first");
    } else if (options.requireTls && !session_.tls) {
        reply(530, "say STARTTLS first");
    } else if (options.requireAuth && session_.user.empty()) {
        reply(530, "authentication required");
    } else if (sender_) {
        reply(503, "one sender a message");
    } else {
        return true;
    }
    return false;
}

void SmtpServer::mail(std::string_view rest) {
    if (!mayMail()) {
        return;
    }
    const auto command = parsePath(rest, "FROM:");
    if (!command || (command->address.domain.empty() && !command->address.null())) {
        reply(501, "MAIL FROM:<local@domain>, in ASCII");
        return;
    }
    if (!takeMailParameters(command->parameters)) {
        return;
    }
    ask(maybeDeferred([&] { return service_->delivery->validateFrom(session_, command->address); }),
        [this](const Result<MailAddress>& sender) {
            if (sender.ok()) {
                sender_ = sender.value();
                reply(250, "OK");
            } else {
                replyFailure(sender.failure());
            }
        });
}

/// False, and answered, when the message cannot be taken. Parameters are of who said EHLO.
bool SmtpServer::takeMailParameters(const std::vector<std::string_view>& parameters) {
    if (!session_.extended && !parameters.empty()) {
        reply(555, "parameters are for who says EHLO");
        return false;
    }
    for (const std::string_view parameter : parameters) {
        const std::string text = upper(parameter);
        if (text.starts_with("SIZE=")) {  // RFC 1870
            std::size_t size = 0;
            const char* const end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data() + 5, end, size);
            if (stop != end || (error != std::errc() && error != std::errc::result_out_of_range)) {
                reply(501, "SIZE is a number of bytes");
                return false;
            }
            if (error != std::errc() || size > service_->options.limits.messageBytes) {
                reply(552, "message too large");
                return false;
            }
        } else if (text != "BODY=7BIT" && text != "BODY=8BITMIME" &&  // RFC 6152
                   !(offersAuth() && text.starts_with("AUTH="))) {
            reply(555, "unknown parameter " + text);
            return false;
        }
    }
    return true;
}

void SmtpServer::rcpt(std::string_view rest) {
    if (!sender_) {
        reply(503, "say MAIL first");
        return;
    }
    const auto command = parsePath(rest, "TO:");
    if (!command || command->address.null()) {
        reply(501, "RCPT TO:<local@domain>, in ASCII");
        return;
    }
    if (!command->parameters.empty()) {
        reply(555, "unknown parameter " + std::string(command->parameters.front()));
        return;
    }
    if (recipients_.size() >= service_->options.limits.recipients) {
        reply(452, "too many recipients");
        return;
    }
    ask(maybeDeferred(
            [&] { return service_->delivery->validateTo(session_, *sender_, command->address); }),
        [this](Result<MessageMaker> maker) {
            if (maker.ok()) {
                recipients_.push_back(std::move(maker).value());
                reply(250, "OK");
            } else {
                replyFailure(maker.failure());
            }
        });
}

}  // namespace marline::smtp::detail
