// What can go wrong with mail.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/failure.hpp>

namespace marline::smtp {

/// A mail server, or the conversation with it, refuses (Twisted: `SMTPError`).
///
/// On the client's side code() and text() are the server's answer. On the server's side an
/// IMessageDelivery fails with one to choose the answer.
class MARLINE_API SmtpError : public Error {
public:
    /// `code` is that of the answer (RFC 5321 §4.2), or 0 where there was none. The error's message
    /// is one line, whatever the text holds.
    SmtpError(int code, const std::string& text);

    int code() const noexcept { return code_; }
    /// What was answered, without the code; several lines are separated by '\n'.
    const std::string& text() const noexcept { return text_; }

private:
    int code_;
    std::string text_;
};

/// 4yz: the same may succeed later.
class MARLINE_API SmtpTemporaryError : public SmtpError {
public:
    using SmtpError::SmtpError;
};

/// 5yz: the same will not succeed.
class MARLINE_API SmtpPermanentError : public SmtpError {
public:
    using SmtpError::SmtpError;
};

/// The server takes no mail from this sender (Twisted: `SMTPBadSender`).
class MARLINE_API SmtpBadSender : public SmtpPermanentError {
public:
    explicit SmtpBadSender(const std::string& sender, int code = 550,
                           const std::string& why = "Sender not acceptable")
        : SmtpPermanentError(code, why + ": <" + sender + '>') {}
};

/// The server takes no mail for this recipient (Twisted: `SMTPBadRcpt`).
class MARLINE_API SmtpBadRcpt : public SmtpPermanentError {
public:
    explicit SmtpBadRcpt(const std::string& recipient, int code = 550,
                         const std::string& why = "Cannot receive for specified address")
        : SmtpPermanentError(code, why + ": <" + recipient + '>') {}
};

/// The server said what is no SMTP, or too much of it (Twisted: `SMTPProtocolError`).
class MARLINE_API SmtpProtocolError : public SmtpError {
public:
    explicit SmtpProtocolError(const std::string& what) : SmtpError(0, "SMTP: " + what) {}
};

/// The server does not do TLS, which was required (Twisted: `TLSRequiredError`).
class MARLINE_API TlsRequiredError : public SmtpError {
public:
    using SmtpError::SmtpError;
};

/// Credentials were given, and there is no way to use them (Twisted: `AUTHRequiredError`).
class MARLINE_API AuthRequiredError : public SmtpError {
public:
    using SmtpError::SmtpError;
};

/// What the server said to one recipient.
struct RecipientAnswer {
    std::string recipient;
    int code = 0;
    std::string text;

    /// True when the server takes mail for it.
    bool accepted() const noexcept { return code / 100 == 2; }
};

/// The server refused every recipient (Twisted: `SMTPDeliveryError`); code() is that of the first.
class MARLINE_API SmtpDeliveryError : public SmtpError {
public:
    explicit SmtpDeliveryError(std::vector<RecipientAnswer> answers)
        : SmtpError(answers.front().code, "no recipient was accepted; <" +
                                              answers.front().recipient +
                                              ">: " + answers.front().text),
          answers_(std::move(answers)) {}

    const std::vector<RecipientAnswer>& answers() const noexcept { return answers_; }

private:
    std::vector<RecipientAnswer> answers_;
};

/// The error for an answer that refuses: SmtpTemporaryError or SmtpPermanentError.
inline Failure refusal(int code, const std::string& text) {
    return code / 100 == 4 ? Failure::make<SmtpTemporaryError>(code, text)
                           : Failure::make<SmtpPermanentError>(code, text);
}

}  // namespace marline::smtp
