#include <marline/protocols/smtp/detail/smtp_server.hpp>

#include <algorithm>
#include <array>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/smtp/detail/command.hpp>
#include <marline/reactor/log.hpp>

namespace marline::smtp::detail {
namespace {

/// Of syntax, order or credentials. That a recipient is gone is no mistake of who has a list.
bool isMistake(int code) { return (code >= 500 && code <= 504) || (code >= 530 && code <= 538); }

}  // namespace

void SmtpServer::connectionMade() {
    beginSession();
    setTimeout(service_->options.limits.idle);
    reply(220, session_.host + " ESMTP");
}

void SmtpServer::beginSession() {
    session_ = {};
    session_.host = service_->options.host;
    session_.peer = transport()->getPeer();
}

void SmtpServer::connectionLost(const Failure& reason) {
    dropMessages();
    Asking::connectionLost(reason);
}

/// The second time the peer does not even take the answer.
void SmtpServer::silent() {
    if (transport()->disconnecting()) {
        transport()->abortConnection();
        return;
    }
    close(421, "nothing came for too long");
    setTimeout(service_->options.limits.idle);
}

std::size_t SmtpServer::lineLimit() const {
    if (mode_ == Mode::Text) {
        return service_->options.limits.textLine + (unparsed().starts_with('.') ? 1U : 0U);
    }
    const std::size_t command = service_->options.limits.commandLine;
    const bool auth = mode_ != Mode::Command || upper(unparsed().substr(0, 4)) == "AUTH";
    return auth && offersAuth() ? std::max(command, kMaxAuthLine) : command;
}

bool SmtpServer::parseFrame() {
    const std::string_view data = unparsed();
    const std::size_t newline = data.find('\n', searched());
    const bool whole = newline != std::string_view::npos;
    const std::size_t end = whole ? newline : data.size();
    const std::size_t cr = std::min(data.substr(0, end).find('\r', searched()), end);
    if (whole ? cr + 1 != end : cr + 1 < end) {
        refuseBareLineEnd();
        return true;
    }
    tooLong_ = tooLong_ || cr + 2 > lineLimit();
    if (whole) {
        skip(end + 1);
        lineReceived(data.substr(0, cr), std::exchange(tooLong_, false));
    } else if (tooLong_) {
        skip(cr);
    } else {
        setSearched(cr);
    }
    return whole;
}

/// RFC 5321 §2.3.8: what others may take for the end of a line must not be let through.
void SmtpServer::refuseBareLineEnd() {
    skip(unparsed().size());
    dropMessages();
    close(500, "bare CR or LF: a line ends with CRLF");
}

void SmtpServer::lineReceived(std::string_view line, bool tooLong) {
    resetTimeout();
    if (mode_ == Mode::Text) {
        textReceived(line, tooLong);
    } else if (tooLong) {
        mode_ = Mode::Command;
        reply(500, "line too long");
    } else if (mode_ == Mode::Command) {
        commandReceived(line);
    } else {
        authLineReceived(line);
    }
}

void SmtpServer::replyLine(int code, char separator, std::string_view text) {
    // Users' texts: whatever they hold stays one line, and a short one.
    transport()->write(std::to_string(code) + separator + marline::detail::printable(text) +
                       "\r\n");
    if (const std::size_t waiting = transport()->bytesBuffered();
        waiting > service_->options.limits.unsent && !transport()->disconnecting()) {
        log(LogLevel::Info, "SMTP: " + transport()->getPeer().toString() +
                                " does not read its answers, of which " + std::to_string(waiting) +
                                " bytes wait (SmtpLimits::unsent)");
        transport()->abortConnection();
    }
}

void SmtpServer::reply(int code, std::string_view text) {
    replyLine(code, ' ', text);
    if (isMistake(code) && ++refusals_ >= service_->options.limits.refusals) {
        close(421, "too many errors");
    }
}

void SmtpServer::replyFailure(const Failure& why) {
    const auto* const error = why.check<SmtpError>();
    if (error != nullptr && error->code() >= 400 && error->code() <= 599) {
        reply(error->code(), error->text());
        return;
    }
    log(LogLevel::Error, "SMTP: the delivery failed: " + why.brief());
    reply(451, "local error, try again later");
}

void SmtpServer::close(int code, std::string_view text) {
    replyLine(code, ' ', text);
    transport()->loseConnection();
}

}  // namespace marline::smtp::detail
