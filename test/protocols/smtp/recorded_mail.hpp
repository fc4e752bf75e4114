// A delivery that keeps what comes, and does what a test wants.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/smtp/delivery.hpp>

namespace marline::smtp {

/// One message that came, or did not come whole.
struct RecordedMail {
    std::string from;
    std::string to;
    std::string text;
    bool whole = false;
    bool lost = false;
};

/// Takes all mail but for `nobody`, and from `spam`.
class RecordingDelivery final : public IMessageDelivery {
public:
    Deferred<MailAddress> validateFrom(SmtpSession session, MailAddress origin) override {
        sessions.push_back(session);
        if (origin.local == "spam") {
            return fail<MailAddress>(SmtpBadSender(origin.toString()));
        }
        if (origin.local == "broken") {
            throw std::runtime_error("a secret");
        }
        return succeed(origin);
    }
    Deferred<MessageMaker> validateTo(SmtpSession, MailAddress origin,
                                      MailAddress recipient) override {
        if (recipient.local == "nobody") {
            return fail<MessageMaker>(SmtpBadRcpt(recipient.toString()));
        }
        if (recipient.local == "later") {
            waiting.emplace();
            return waiting->deferred().addCallback(
                [this, origin, recipient] { return maker(origin, recipient); });
        }
        return succeed(maker(origin, recipient));
    }
    std::string receivedHeader(const SmtpSession& session, const MailAddress& origin) override {
        return trace ? IMessageDelivery::receivedHeader(session, origin) : ownTrace;
    }

    /// What came, in order; the index is the message's from its first line on.
    std::vector<RecordedMail> mail;
    std::vector<SmtpSession> sessions;
    bool trace = false;
    std::string ownTrace;
    /// Called for every line, and at the end.
    std::function<void(std::string_view line)> onLine;
    std::function<Deferred<>()> onEnd = [] { return succeed(); };
    /// What validateTo() of `later` waits for.
    std::optional<DeferredSource<>> waiting;

private:
    class Message final : public IMessage {
    public:
        Message(Ref<RecordingDelivery> to, std::size_t index) : to_(std::move(to)), index_(index) {}

        void lineReceived(std::string_view line) override {
            if (to_->onLine) {
                to_->onLine(line);
            }
            to_->mail[index_].text.append(line).append("\n");
        }
        Deferred<> eomReceived() override {
            to_->mail[index_].whole = true;
            return to_->onEnd();
        }
        void connectionLost() override { to_->mail[index_].lost = true; }

    private:
        Ref<RecordingDelivery> to_;
        std::size_t index_;
    };

    MessageMaker maker(const MailAddress& origin, const MailAddress& recipient) {
        if (recipient.local == "unmakable") {
            return MessageMaker();
        }
        return [self = Ref<RecordingDelivery>(this), from = origin.toString(),
                to = recipient.toString()]() -> Ref<IMessage> {
            self->mail.push_back({from, to, {}, false, false});
            return makeRef<Message>(self, self->mail.size() - 1);
        };
    }
};

}  // namespace marline::smtp
