#include <marline/reactor/react.hpp>

#include <string>
#include <utility>

#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

/// What main's Deferred tells. Its links may outlive runUntil(): then nobody listens any more.
class Watch final : public RefCounted {
public:
    explicit Watch(Reactor& reactor) : reactor_(&reactor) {}

    void finished(int status) {
        status_ = status;
        over_ = true;
        stop();
    }

    void failed(const Failure& why) {
        if (reactor_ == nullptr) {
            return;
        }
        const auto* exit = why.check<SystemExit>();
        if (exit == nullptr) {
            log(LogLevel::Critical, "main function failed: " + why.describe());
        }
        finished(exit != nullptr ? exit->status() : 1);
    }

    /// Stops the reactor when main is over and nobody else has stopped it (Twisted: RX-5).
    void stop() {
        using State = Reactor::Parts::State;
        if (over_ && reactor_ != nullptr &&
            (reactor_->parts().state == State::Starting ||
             reactor_->parts().state == State::Running)) {
            reactor_->stop();
        }
    }

    int close() {
        reactor_ = nullptr;
        return status_;
    }

private:
    Reactor* reactor_;
    int status_ = 0;
    bool over_ = false;
};

}  // namespace

int runUntil(Reactor& reactor, Deferred<> done) {
    const auto watch = makeRef<Watch>(reactor);
    done.addCallbacks([watch] { watch->finished(0); },
                      [watch](const Failure& why) { watch->failed(why); });
    reactor.callWhenRunning([watch] { watch->stop(); });
    reactor.run();
    return watch->close();
}

}  // namespace marline::detail
