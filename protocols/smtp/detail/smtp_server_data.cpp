#include <stdexcept>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/smtp/detail/smtp_server.hpp>
#include <marline/reactor/log.hpp>

namespace marline::smtp::detail {

void SmtpServer::data() {
    if (!sender_) {
        reply(503, "say MAIL first");
        return;
    }
    if (recipients_.empty()) {
        reply(554, "no valid recipients");
        return;
    }
    try {
        beginMessages();
    } catch (...) {
        const Failure why = Failure::current();
        dropMessages();
        resetTransaction();
        replyFailure(why);
        return;
    }
    mode_ = Mode::Text;
    messageBytes_ = 0;
    reply(354, "end with <CRLF>.<CRLF>");
}

void SmtpServer::beginMessages() {
    for (MessageMaker& make : recipients_) {
        Ref<IMessage> message = make ? make() : Ref<IMessage>();
        if (!message) {
            throw std::logic_error("IMessageDelivery::validateTo gave no message");
        }
        messages_.push_back(std::move(message));
    }
    const std::string trace = traceField();
    for (const Ref<IMessage>& message : messages_) {
        if (!trace.empty()) {
            message->lineReceived(trace);
        }
    }
}

/// A user's text, of which the messages must be able to trust that it is one line.
std::string SmtpServer::traceField() {
    std::string trace = service_->delivery->receivedHeader(session_, *sender_);
    constexpr std::string_view kNoLine("\r\n\0", 3);
    if (trace.find_first_of(kNoLine) != std::string::npos || trace.size() + 2 > kMaxTextLine) {
        throw std::logic_error("IMessageDelivery::receivedHeader gave no line of at most " +
                               std::to_string(kMaxTextLine - 2) + " bytes");
    }
    return trace;
}

void SmtpServer::textReceived(std::string_view line, bool tooLong) {
    if (line == "." && !tooLong) {
        mode_ = Mode::Command;
        endMessages();
        return;
    }
    const SmtpLimits& limits = service_->options.limits;
    if (tooLong) {
        refuseMessages(500, "a line is longer than " + std::to_string(limits.textLine) +
                                " bytes (SmtpLimits::textLine)");
    }
    if (line.starts_with('.')) {
        line.remove_prefix(1);
    }
    messageBytes_ += refused_ ? 0 : line.size() + 2;
    if (messageBytes_ > limits.messageBytes) {
        refuseMessages(552, "message too large: more than " + std::to_string(limits.messageBytes) +
                                " bytes (SmtpLimits::messageBytes)");
    }
    try {
        for (const Ref<IMessage>& message : messages_) {
            message->lineReceived(line);
        }
    } catch (...) {
        refuseMessages(Failure::current());
    }
}

/// The rest of the message is not heard; its end is answered with this.
void SmtpServer::refuseMessages(int code, std::string text) {
    if (!refused_) {
        refused_.emplace(code, std::move(text));
        dropMessages();
    }
}

void SmtpServer::refuseMessages(const Failure& why) {
    const auto* const error = why.check<SmtpError>();
    if (error != nullptr && error->code() >= 400 && error->code() <= 599) {
        refuseMessages(error->code(), error->text());
        return;
    }
    log(LogLevel::Error, "SMTP: the delivery failed: " + why.brief());
    refuseMessages(451, "local error, try again later");
}

void SmtpServer::endMessages() {
    const std::vector<Ref<IMessage>> messages = std::exchange(messages_, {});
    resetTransaction();
    if (const auto refused = std::exchange(refused_, std::nullopt)) {
        reply(refused->first, refused->second);
        return;
    }
    std::vector<Deferred<>> deliveries;
    for (const Ref<IMessage>& message : messages) {
        deliveries.push_back(maybeDeferred([&] { return message->eomReceived(); }));
    }
    ask(DeferredList(deliveries, {.consumeErrors = true}).addCallback(firstFailure<void>),
        [this](const Result<>& delivered) {
            if (delivered.ok()) {
                reply(250, "message accepted");
            } else {
                replyFailure(delivered.failure());
            }
        });
}

void SmtpServer::dropMessages() {
    for (const Ref<IMessage>& message : std::exchange(messages_, {})) {
        try {
            message->connectionLost();
        } catch (...) {
            log(LogLevel::Error,
                "SMTP: connectionLost() of a message: " + Failure::current().brief());
        }
    }
}

}  // namespace marline::smtp::detail
