// Internal: not installed. A body that is written when the connection takes more.
#pragma once

#include <utility>

#include <marline/agent/body.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>
#include <marline/deferred/source.hpp>
#include <marline/reactor/producer.hpp>

namespace marline::detail {

/// A pull producer that keeps itself until it is done, cancelled, or stopped by the connection's
/// end.
class BodyPump : public RefCounted, private IProducer {
public:
    /// Produces into `consumer`; fires with done().
    Deferred<> start(IBodyConsumer& consumer) {
        consumer_ = &consumer;
        self_ = Ref<BodyPump>(this);
        Deferred<> all = all_.deferred();
        consumer.registerProducer(*this, Producing::Pull);
        return all;
    }

protected:
    ~BodyPump() override = default;

    /// Writes one piece, now or later, or calls done().
    virtual void produce() = 0;
    /// The connection wants no more, or has gone; nothing may be written from here on.
    virtual void stopped() {}

    /// Null once it is over.
    IBodyConsumer* consumer() const noexcept { return consumer_; }

    void done(const Result<>& outcome) {
        const Ref<BodyPump> alive(this);
        release();
        if (all_.pending()) {
            outcome.ok() ? all_.callback() : all_.errback(outcome.failure());
        }
    }

private:
    void resumeProducing() override {
        if (consumer_ != nullptr) {
            const Ref<BodyPump> alive(this);
            produce();
        }
    }
    void pauseProducing() override {}
    /// Who reads the connection is told of its end; the Deferred is cancelled behind that.
    void stopProducing() override {
        consumer_ = nullptr;
        stopped();
    }

    void release() {
        if (IBodyConsumer* consumer = std::exchange(consumer_, nullptr)) {
            consumer->unregisterProducer();
        }
        self_.reset();
    }
    void cancel(Deferred<> all) {
        const Ref<BodyPump> alive(this);
        release();
        stopped();
        if (!all.called()) {
            // Here, since the end of this would fail it with DeferredLost.
            all.errback(CancelledError());
        }
    }

    IBodyConsumer* consumer_ = nullptr;
    Ref<BodyPump> self_;
    DeferredSource<> all_{[this](Deferred<> all) { cancel(std::move(all)); }};
};

}  // namespace marline::detail
