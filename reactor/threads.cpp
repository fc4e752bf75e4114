#include <marline/reactor/threads.hpp>

namespace marline {

void callMultipleInThread(Reactor& reactor, std::vector<UniqueFunction<void()>> calls) {
    reactor.callInThread([calls = std::move(calls)]() mutable {
        for (UniqueFunction<void()>& call : calls) {
            call();
            call.reset();
        }
    });
}

}  // namespace marline
