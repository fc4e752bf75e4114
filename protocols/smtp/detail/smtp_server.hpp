// Internal: not installed. One connection of a mail server.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/protocols/frame_receiver.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/protocols/smtp/smtp_factory.hpp>

namespace marline::smtp {

class SmtpFactory::Shared final : public RefCounted {
public:
    Shared(Ref<IMessageDelivery> to, SmtpOptions with)
        : delivery(std::move(to)), options(std::move(with)) {}

    Ref<IMessageDelivery> delivery;
    SmtpOptions options;
};

namespace detail {

/// Hears commands and messages, and answers them one after the other.
///
/// smtp_server.cpp has the lines and the answers, smtp_server_commands.cpp the commands,
/// smtp_server_auth.cpp AUTH, smtp_server_data.cpp the content of messages.
class SmtpServer final : public TimeoutMixin<FrameReceiver> {
public:
    SmtpServer(IReactorTime& clock, Ref<SmtpFactory::Shared> shared)
        : TimeoutMixin(clock), clock_(clock), shared_(std::move(shared)) {}

    void connectionLost(const Failure& reason) override;

private:
    /// What the next line is.
    enum class Mode : unsigned char { Command, Plain, LoginUser, LoginPassword, Text };

    void connectionMade() override;
    void timeoutConnection() override;
    bool parseFrame() override;
    void lineReceived(std::string_view line, bool tooLong);
    void refuseBareLineEnd();
    std::size_t lineLimit() const;

    void reply(int code, std::string_view text);
    void replyLine(int code, char separator, std::string_view text);
    void replyFailure(const Failure& why);
    void close(int code, std::string_view text);
    void giveUp(const Failure& why);
    template <class T, class Then>
    void await(Deferred<T> result, Then then);

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

    IReactorTime& clock_;
    Ref<SmtpFactory::Shared> shared_;
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
    bool busy_ = false;
    std::optional<Deferred<>> awaited_;
};

/// Goes on with `then(self, Result<T>)` once `result` has come; no line is read before.
template <class T, class Then>
void SmtpServer::await(Deferred<T> result, Then then) {
    busy_ = true;
    Deferred<> done =
        result.addBoth([self = Ref<SmtpServer>(this), then = std::move(then)](Result<T> got) {
            self->busy_ = false;
            self->awaited_.reset();
            if (self->transport() == nullptr) {
                return;
            }
            try {
                then(*self, std::move(got));
                if (self->paused()) {
                    self->setTimeout(self->shared_->options.limits.idle);
                    self->resumeProducing();
                }
            } catch (...) {  // no transport is there to close the connection with it
                self->giveUp(Failure::current());
            }
        });
    if (busy_) {
        awaited_ = std::move(done);
        setTimeout({});
        pauseProducing();
    }
}

}  // namespace detail
}  // namespace marline::smtp
