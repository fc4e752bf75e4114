#include <marline/reactor/timer_service.hpp>

#include <marline/reactor/log.hpp>

namespace marline {

TimerService::~TimerService() {
    if (loop_.running()) {
        loop_.stop();
    }
}

void TimerService::startService() {
    ended_ = loop_.start(interval_).addErrback([](const Failure& why) {
        log(LogLevel::Error,
            "the call of a TimerService failed, and is not made again: " + why.brief());
    });
    Service::startService();
}

Deferred<> TimerService::stopService() {
    Deferred<> own = Service::stopService();
    if (loop_.running()) {
        loop_.stop();
    }
    if (!ended_) {
        return own;
    }
    return *std::exchange(ended_, std::nullopt);
}

}  // namespace marline
