// Internal: not installed. What servers have in common whose answers take their time.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/frame_receiver.hpp>
#include <marline/protocols/policies/timeout.hpp>

namespace marline::detail {

/// What a server puts up with while it waits for an answer of its user's.
struct Patience {
    /// The protocol, and who is asked, for the log: `SMTP`, `the delivery`.
    std::string_view protocol;
    std::string_view whom;
    /// How many bytes of what the client says meanwhile are read.
    std::size_t held = 0;
    /// How long the answer may take; without end when there is none.
    std::optional<Duration> limit = {};
    /// The name of that limit.
    std::string_view knob = {};
};

/// The question took longer than the limit.
Failure tookTooLong(const Patience& patience);
/// Logs what nobody is left to hear, unless the question was only cancelled.
void logUnheard(const Patience& patience, const Failure& why);
/// For an exception where no transport is there to close the connection with it.
void giveUp(const Patience& patience, ITransport* transport, const Failure& why);

/// Gives `Base`, a FrameReceiver, questions to its user, of which one is asked at a time. No frame
/// is given out meanwhile, but the end of the connection is heard of, and cancels the question.
template <class Base>
class Asking : public TimeoutMixin<Base> {
public:
    Asking(IReactorTime& clock, const Patience& patience)
        : TimeoutMixin<Base>(clock), patience_(patience) {}

    void connectionLost(const Failure& reason) override {
        const Ref<Asking> self(this);
        TimeoutMixin<Base>::connectionLost(reason);
        if (const std::optional<Deferred<>> asked = std::exchange(asked_, std::nullopt)) {
            asked->cancel();
        }
    }

protected:
    ~Asking() override = default;

    /// Goes on with `then(Result<T>)` once `question` has its result, while the connection stands;
    /// this lives until then. The timeout is that of the patience meanwhile.
    template <class T, class Then>
    void ask(const Deferred<T>& question, Then then) {
        asking_ = true;
        this->holdFrames(patience_.held);
        Deferred<> done =
            question.addBoth([self = Ref<Asking>(this), then = std::move(then)](
                                 Result<T> got) mutable { self->answered(std::move(got), then); });
        if (asking_) {
            asked_ = std::move(done);
            silence_ = this->setTimeout(patience_.limit);
        }
    }
    /// True from ask() until its `then` is called.
    bool asking() const noexcept { return asking_; }
    /// From now on a question may take no longer, also the one that is asked.
    void limitQuestions(Duration limit) {
        patience_.limit = limit;
        if (asked_) {
            this->setTimeout(limit);
        }
    }

    /// Nothing happened for as long as setTimeout() says, and no question is asked.
    virtual void silent() = 0;

private:
    void timeoutConnection() final {
        if (!asked_) {
            silent();
            return;
        }
        late_ = true;
        Deferred<>(*asked_).cancel();
    }

    template <class T, class Then>
    void answered(Result<T> got, Then& then) {
        asking_ = false;
        const bool late = std::exchange(late_, false) && isCancelled(got);
        if (this->transport() == nullptr) {
            if (!got.ok()) {
                logUnheard(patience_, got.failure());
            }
            return;
        }
        try {
            if (asked_) {
                asked_.reset();
                this->setTimeout(silence_);
            }
            then(late ? Result<T>(tookTooLong(patience_)) : std::move(got));
            if (!asking_) {
                this->releaseFrames();
            }
        } catch (...) {
            giveUp(patience_, this->transport(), Failure::current());
        }
    }
    template <class T>
    static bool isCancelled(const Result<T>& got) {
        return !got.ok() && got.failure().template check<CancelledError>() != nullptr;
    }

    Patience patience_;
    std::optional<Duration> silence_;
    std::optional<Deferred<>> asked_;
    bool asking_ = false;
    bool late_ = false;
};

/// What the connections of a factory share.
template <class T>
class Shared final : public RefCounted {
public:
    explicit Shared(T shared) : value(std::move(shared)) {}
    T value;
};

}  // namespace marline::detail
