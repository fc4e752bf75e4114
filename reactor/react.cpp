#include <marline/reactor/react.hpp>

#include <string>

#include <marline/reactor/log.hpp>

namespace marline::detail {

int runUntil(Reactor& reactor, Deferred<> done) {
    int status = 0;
    bool over = false;
    const auto finish = [&reactor, &over] {
        over = true;
        if (reactor.running()) {
            reactor.stop();
        }
    };
    // Also after the loop: then the result sets the status only.
    Deferred<> watched = done.addCallbacks(
        finish, [&status, finish](const Failure& why) {
            if (const auto* exit = why.check<SystemExit>()) {
                status = exit->status();
            } else {
                status = 1;
                log(LogLevel::Critical, "main function failed: " + why.describe());
            }
            finish();
        });
    reactor.callWhenRunning([&reactor, &over] {
        if (over) {
            reactor.stop();
        }
    });
    reactor.run();
    // What is pending must not reach for this function's variables.
    watched.cancel();
    return status;
}

}  // namespace marline::detail
