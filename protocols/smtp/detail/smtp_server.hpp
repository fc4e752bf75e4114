// Internal: not installed. One connection of a mail server.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/protocols/detail/asking.hpp>
#include <marline/protocols/frame_receiver.hpp>
#include <marline/protocols/smtp/smtp_factory.hpp>

namespace marline::smtp::detail {

using marline::detail::Asking;

/// What the connections of a factory share.
class SmtpService final : public RefCounted {
public:
    SmtpService(Ref<IMessageDelivery> to, SmtpOptions with)
        : delivery(std::move(to)), options(std::move(with)) {}

    Ref<IMessageDelivery> delivery;
    SmtpOptions options;
};

/// Hears commands and messages, and answers them one after the other.
///
/// smtp_server.cpp has the lines and the answers, smtp_server_commands.cpp the commands,
/// smtp_server_auth.cpp AUTH, smtp_server_data.cpp the content of messages.
class SmtpServer final : public Asking<FrameReceiver> {
public:
    SmtpServer(IReactorTime& clock, Ref<SmtpService> service)
        : Asking(clock, {.protocol = "SMTP",
                         .whom = "the delivery",
                         .held = service->options.limits.pipelined,
                         .limit = service->options.limits.delivery,
                         .knob = "SmtpLimits::delivery"}),
          clock_(clock), service_(std::move(service)) {}

    void connectionLost(const Failure& reason) override;

private:
    /// What the next line is.
    enum class Mode : unsigned char { Command, Plain, LoginUser, LoginPassword, Text };

    void connectionMade() override;
    void silent() override;
    bool parseFrame() override;
    void lineReceived(std::string_view line, bool tooLong);
    void refuseBareLineEnd();
    std::size_t lineLimit() const;

    void reply(int code, std::string_view text);
    void replyLine(int code, char separator, std::string_view text);
    void replyFailure(const Failure& why);
    void close(int code, std::string_view text);

    void commandReceived(std::string_view line);
    bool transactionCommand(std::string_view verb, std::string_view rest);
    void beginSession();
    void helo(std::string_view name, bool extended);
    void startTlsReceived(std::string_view rest);
    void mail(std::string_view rest);
    bool mayMail();
    bool takeMailParameters(const std::vector<std::string_view>& parameters);
    void rcpt(std::string_view rest);
    void resetTransaction();

    bool offersTls() const;
    bool offersAuth() const;
    void auth(std::string_view rest);
    void authLineReceived(std::string_view line);
    void plainReceived(std::string_view decoded);
    void checkCredentials();

    void data();
    void textReceived(std::string_view line, bool tooLong);
    void beginMessages();
    void refuseMessages(int code, std::string text);
    void refuseMessages(const Failure& why);
    void endMessages();
    void dropMessages();
    std::string traceField();

    IReactorTime& clock_;
    Ref<SmtpService> service_;
    SmtpSession session_;
    Mode mode_ = Mode::Command;
    SmtpCredentials credentials_;
    std::optional<MailAddress> sender_;
    std::vector<MessageMaker> recipients_;
    std::vector<Ref<IMessage>> messages_;
    std::size_t messageBytes_ = 0;
    std::optional<std::pair<int, std::string>> refused_;  // the message that is coming
    std::size_t refusals_ = 0;
    bool tooLong_ = false;  // the line whose beginning has been dropped
};

}  // namespace marline::smtp::detail
