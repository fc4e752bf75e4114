// How long an HttpChannel lets its client take.
#include <algorithm>
#include <utility>

#include <marline/protocols/http/detail/http_channel.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {

// Time. The timer is only ever moved to an earlier time: when it comes up it looks at the deadline
// and waits on, so a request costs no more than reading the clock.

void HttpChannel::allow(Duration time) {
    deadline_ = now_ + time;
    if (deadline_ < timerDue_) {
        timerDue_ = deadline_;
        if (timer_.active()) {
            timer_.reset(time);
        } else {
            timer_ = site_->clock().callLater(time, [this] { checkTime(); });
        }
    }
}

/// Forgets the clock, too: a request that somebody keeps may outlive it.
void HttpChannel::stopTimer() {
    if (timer_.active()) {
        timer_.cancel();
    }
    timer_ = DelayedCall();
}

/// Whether the client takes what there is for it. False only when it was seen before with something
/// to take, and has taken nothing since.
bool HttpChannel::clientReads() {
    const std::uint64_t waiting =
        transport_->bytesBuffered() + transport_->fileBytesBuffered().value_or(0);
    const std::uint64_t taken = sent_ - std::min(waiting, sent_);
    const bool moved = std::exchange(taken_, taken) != taken;
    return !std::exchange(waited_, waiting > 0) || moved || waiting == 0;
}

void HttpChannel::checkTime() {
    const Ref<HttpChannel> alive(this);
    const SiteOptions& options = site_->options();
    timerDue_ = Duration::max();
    now_ = site_->clock().seconds();
    if (now_ < deadline_) {
        allow(deadline_ - now_);
        return;
    }
    switch (state_) {
    case State::Head:
        refuse(kRequestTimeout, "the head took longer than SiteOptions::headerTimeout");
        return;
    case State::Body:
        if (bodyPaused_) {
            allow(options.bodyTimeout);
            return;
        }
        refuse(kRequestTimeout, "the body paused for longer than SiteOptions::bodyTimeout");
        return;
    case State::Idle:
        if (transport_->bytesBuffered() == 0) {
            close();
            return;
        }
        break;
    case State::Handling: break;
    case State::Closing:
        if (transport_->bytesBuffered() == 0) {
            abort();
            return;
        }
        break;
    }
    if (clientReads()) {
        allow(options.sendTimeout);
    } else {
        log(LogLevel::Info, "gave up on " + peer_.toString() +
                                ": it has taken nothing for SiteOptions::sendTimeout");
        abort();
    }
}

}  // namespace marline::http
