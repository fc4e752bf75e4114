#include <marline/protocols/smtp/detail/smtp_client.hpp>

#include <algorithm>

#include <marline/protocols/detail/base64.hpp>
#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/smtp/detail/command.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/tls.hpp>

namespace marline::smtp::detail {
namespace {

using marline::detail::encodeBase64;
using marline::detail::printable;

// So much of what is no answer is shown.
constexpr std::size_t kQuoted = 60;

}  // namespace

void SmtpClient::connectionMade() { setTimeout(options_.replyTimeout); }

void SmtpClient::connectionLost(const Failure& reason) {
    if (source_.pending()) {
        source_.errback(reason.check<ConnectionDone>() == nullptr
                            ? reason
                            : Failure::make<SmtpProtocolError>(
                                  "the server closed the connection before all was said"));
    }
    TimeoutMixin::connectionLost(reason);
}

void SmtpClient::timeoutConnection() {
    if (const std::size_t unsent = transport()->bytesBuffered();
        asked_ == Asked::Text && unsent < unsent_) {  // the text is long, or the way is slow
        unsent_ = unsent;
        setTimeout(options_.deliveryTimeout);
        return;
    }
    if (source_.pending()) {
        source_.errback(Failure::make<TimeoutError>(
            "SMTP: the server did not answer in time (SendMailOptions::replyTimeout, "
            "deliveryTimeout)"));
    }
    abandon();
}

void SmtpClient::lineLengthExceeded(std::string_view) {
    failProtocol("a line of an answer is longer than " + std::to_string(kMaxReplyLine) +
                 " bytes (kMaxReplyLine)");
}

/// RFC 5321 §4.2: `250-` goes on, `250 ` ends the answer.
void SmtpClient::lineReceived(std::string_view line) {
    resetTimeout();
    const auto isDigit = [](char c) { return c >= '0' && c <= '9'; };
    const bool more = line.size() > 3 && line[3] == '-';
    if (line.size() < 3 || line[0] < '2' || line[0] > '5' ||
        !std::ranges::all_of(line.substr(0, 3), isDigit) ||
        (line.size() > 3 && !more && line[3] != ' ')) {
        failProtocol("no answer: '" + printable(line, kQuoted) + "'");
        return;
    }
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (++lines_ > kMaxReplyLines) {
        failProtocol("an answer has more than " + std::to_string(kMaxReplyLines) +
                     " lines (kMaxReplyLines)");
        return;
    }
    if (lines_ > 1 && code != code_) {
        failProtocol("an answer with two codes");
        return;
    }
    code_ = code;
    text_.append(lines_ > 1 ? "\n" : "");
    text_ += printable(line.substr(std::min<std::size_t>(4, line.size())), kMaxReplyLine);
    if (!more) {
        lines_ = 0;
        answered(code, std::exchange(text_, {}));
    }
}

void SmtpClient::answered(int code, const std::string& text) {
    if (asked_ == Asked::Quit) {
        if (outstanding_ == 0 || --outstanding_ == 0) {
            transport()->loseConnection();
        }
        return;
    }
    if (code == 421) {  // RFC 5321 §3.8: it may come at any time
        abandon();
        fail(refusal(code, text));
        return;
    }
    if (outstanding_ == 0) {
        failProtocol("an answer to nothing: '" + printable(text, kQuoted) + "'");
        return;
    }
    --outstanding_;
    if (asked_ <= Asked::StartTls) {
        greeted(code, text);
    } else if (asked_ <= Asked::Password) {
        authenticated(code, text);
    } else {
        transacted(code, text);
    }
}

void SmtpClient::greeted(int code, const std::string& text) {
    // RFC 5321 §4.3.2: the first digit says it; but only 220 is a greeting, and begins TLS.
    const bool good =
        asked_ == Asked::Greeting || asked_ == Asked::StartTls ? code == 220 : code / 100 == 2;
    if (asked_ == Asked::Greeting && good) {
        send(Asked::Ehlo, "EHLO " + options_.helo);
    } else if (asked_ == Asked::Ehlo && good) {
        readExtensions(text);
        secure();
    } else if (asked_ == Asked::Ehlo && code / 100 == 5) {
        send(Asked::Helo, "HELO " + options_.helo);
    } else if (asked_ == Asked::Helo && good) {
        secure();
    } else if (asked_ == Asked::StartTls && good) {
        beginTls();
    } else if (asked_ == Asked::StartTls && options_.tls == SmtpTls::Opportunistic) {
        authenticate();
    } else if (asked_ == Asked::StartTls) {
        quit();
        fail(Failure::make<TlsRequiredError>(code, text));
    } else {
        refuse(code, text);
    }
}

void SmtpClient::readExtensions(std::string_view lines) {
    offered_ = {};
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        const std::string line = upper(lines.substr(0, end));
        lines.remove_prefix(std::min(end + 1, lines.size()));
        std::string_view words = line;
        const std::string_view keyword = takeWord(words);
        offered_.startTls |= keyword == "STARTTLS";
        offered_.pipelining |= keyword == "PIPELINING";
        offered_.eightBit |= keyword == "8BITMIME";
        offered_.size |= keyword == "SIZE";
        while (keyword == "AUTH" && !words.empty()) {
            const std::string_view mechanism = takeWord(words);
            offered_.plain |= mechanism == "PLAIN";
            offered_.login |= mechanism == "LOGIN";
        }
    }
}

void SmtpClient::secure() {
    if (options_.tls == SmtpTls::None || transport()->tls() != nullptr) {
        authenticate();
    } else if (offered_.startTls) {
        send(Asked::StartTls, "STARTTLS");
    } else if (options_.tls == SmtpTls::Required) {
        quit();
        fail(Failure::make<TlsRequiredError>(
            0, "the server does not offer STARTTLS (SendMailOptions::tls)"));
    } else {
        authenticate();
    }
}

/// What the server has said so far may have been said by somebody in between: so EHLO again, and
/// no answer that came with this one (CVE-2021-38371).
void SmtpClient::beginTls() {
    if (!unparsed().empty()) {
        failProtocol("the server said more before TLS began");
        return;
    }
    try {
        startTls(*transport(), options_.context ? *options_.context : TlsContext::client(), clock_,
                 options_.host);
    } catch (const TlsError&) {
        abandon();
        fail(Failure::current());
        return;
    }
    offered_ = {};
    send(Asked::Ehlo, "EHLO " + options_.helo);
}

void SmtpClient::authenticate() {
    if (!options_.credentials) {
        beginMail();
        return;
    }
    const auto& [user, password] = *options_.credentials;
    if (transport()->tls() == nullptr) {
        quit();
        fail(Failure::make<AuthRequiredError>(0, "credentials are sent under TLS only"));
    } else if (offered_.plain) {
        send(Asked::Plain,
             "AUTH PLAIN " + encodeBase64(std::string(1, '\0') + user + '\0' + password));
    } else if (offered_.login) {
        send(Asked::Login, "AUTH LOGIN");
    } else {
        quit();
        fail(Failure::make<AuthRequiredError>(
            0, "the server offers neither AUTH PLAIN nor AUTH LOGIN"));
    }
}

void SmtpClient::authenticated(int code, const std::string& text) {
    if (asked_ == Asked::Login && code == 334) {
        send(Asked::User, encodeBase64(options_.credentials->user));
    } else if (asked_ == Asked::User && code == 334) {
        send(Asked::Password, encodeBase64(options_.credentials->password));
    } else if ((asked_ == Asked::Plain || asked_ == Asked::Password) && code == 235) {
        beginMail();
    } else {
        refuse(code, text);
    }
}

void SmtpClient::beginMail() {
    if (mail_.eightBit && !offered_.eightBit) {
        quit();
        fail(Failure::make<SmtpPermanentError>(
            0, "the server takes no 8-bit text (8BITMIME): encode the message"));
        return;
    }
    send(Asked::Mail, "MAIL FROM:<" + mail_.from + '>' +
                          (offered_.size ? " SIZE=" + std::to_string(mail_.bytes) : "") +
                          (mail_.eightBit ? " BODY=8BITMIME" : ""));
    for (std::size_t i = 0; offered_.pipelining && i < mail_.to.size(); ++i) {
        sendRcpt(i);
        asked_ = Asked::Mail;
    }
}

void SmtpClient::sendRcpt(std::size_t index) {
    send(Asked::Rcpt, "RCPT TO:<" + mail_.to[index] + '>');
}

void SmtpClient::transacted(int code, const std::string& text) {
    if (asked_ == Asked::Mail && code / 100 == 2) {
        asked_ = Asked::Rcpt;
        if (!offered_.pipelining) {
            sendRcpt(0);
        }
    } else if (asked_ == Asked::Rcpt) {
        rcptAnswered(code, text);
    } else if (asked_ == Asked::Data && code == 354) {
        asked_ = Asked::Text;
        ++outstanding_;
        setTimeout(options_.deliveryTimeout);
        transport()->write(std::move(mail_.text));
        unsent_ = transport()->bytesBuffered();
    } else if (asked_ == Asked::Text && code / 100 == 2) {
        quit();
        if (source_.pending()) {
            source_.callback(SmtpSent{std::move(answers_), text});
        }
    } else {
        refuse(code, text);
    }
}

void SmtpClient::rcptAnswered(int code, const std::string& text) {
    answers_.push_back({mail_.to[answers_.size()], code, text});
    if (answers_.size() < mail_.to.size()) {
        if (!offered_.pipelining) {
            sendRcpt(answers_.size());
        }
    } else if (std::ranges::any_of(answers_, &RecipientAnswer::accepted)) {
        send(Asked::Data, "DATA");
    } else {
        quit();
        fail(Failure::make<SmtpDeliveryError>(std::move(answers_)));
    }
}

void SmtpClient::send(Asked what, std::string_view command) {
    asked_ = what;
    ++outstanding_;
    sendLine(command);
}

void SmtpClient::quit() {
    setTimeout(kSmtpQuitTimeout);
    if (transport() != nullptr && !transport()->disconnecting()) {
        send(Asked::Quit, "QUIT");
    }
}

void SmtpClient::refuse(int code, const std::string& text) {
    if (code / 100 < 4) {
        failProtocol("the server answered " + std::to_string(code) + " where that means nothing");
        return;
    }
    quit();
    fail(refusal(code, text));
}

void SmtpClient::fail(Failure why) {
    if (source_.pending()) {
        source_.errback(std::move(why));
    }
}

void SmtpClient::failProtocol(const std::string& what) {
    abandon();
    fail(Failure::make<SmtpProtocolError>(what));
}

void SmtpClient::abandon() {
    if (transport() != nullptr) {
        transport()->abortConnection();
    }
}

}  // namespace marline::smtp::detail
