// Internal: not installed. One connection to a mail server, for one message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/protocols/smtp/detail/mail_object.hpp>
#include <marline/protocols/smtp/send_mail.hpp>

namespace marline::smtp::detail {

/// Says the commands, one after the other, and hears the answers.
class SmtpClient final : public TimeoutMixin<LineOnlyReceiver> {
public:
    SmtpClient(IReactorTime& clock, MailObject mail, SendMailOptions options)
        : TimeoutMixin(clock), clock_(clock), mail_(std::move(mail)), options_(std::move(options)) {
        setMaxLength(kMaxReplyLine);
    }

    /// To be called once.
    Deferred<SmtpSent> sent() { return *std::exchange(result_, std::nullopt); }
    void connectionLost(const Failure& reason) override;

private:
    /// What the next answer is to.
    enum class Asked : unsigned char {
        Greeting,
        Ehlo,
        Helo,
        StartTls,
        Plain,
        Login,
        User,
        Password,
        Mail,
        Rcpt,
        Data,
        Text,
        Quit
    };
    struct Extensions {
        bool startTls = false;
        bool plain = false;
        bool login = false;
        bool pipelining = false;
        bool eightBit = false;
        bool size = false;
    };

    void connectionMade() override;
    void timeoutConnection() override;
    void lineReceived(std::string_view line) override;
    void lineLengthExceeded(std::string_view data) override;
    void answered(int code, const std::string& text);
    void greeted(int code, const std::string& text);
    void authenticated(int code, const std::string& text);
    void transacted(int code, const std::string& text);

    void send(Asked what, std::string_view command);
    void readExtensions(std::string_view lines);
    void secure();
    void beginTls();
    void authenticate();
    void beginMail();
    void sendRcpt(std::size_t index);
    void rcptAnswered(int code, const std::string& text);

    void quit();
    void refuse(int code, const std::string& text);
    void fail(Failure why);
    void failProtocol(const std::string& what);
    void abandon();

    IReactorTime& clock_;
    MailObject mail_;
    SendMailOptions options_;
    Asked asked_ = Asked::Greeting;
    Extensions offered_;
    std::size_t outstanding_ = 1;  // answers that are to come
    int code_ = 0;                 // of the lines of an answer that is not whole
    std::size_t lines_ = 0;
    std::string text_;
    std::size_t unsent_ = 0;  // of the message, when that was last looked at
    std::vector<RecipientAnswer> answers_;
    DeferredSource<SmtpSent> source_{[this](const Deferred<SmtpSent>&) { abandon(); }};
    std::optional<Deferred<SmtpSent>> result_ = source_.deferred();
};

}  // namespace marline::smtp::detail
