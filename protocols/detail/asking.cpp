#include <marline/protocols/detail/asking.hpp>

#include <chrono>
#include <string>

#include <marline/deferred/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::detail {
namespace {

std::string nameOf(const Patience& patience) {
    return std::string(patience.protocol) + ": " + std::string(patience.whom);
}

}  // namespace

Failure tookTooLong(const Patience& patience) {
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(*patience.limit);
    return Failure::make<TimeoutError>(nameOf(patience) + " took longer than " +
                                       std::to_string(limit.count()) + " ms (" +
                                       std::string(patience.knob) + ")");
}

void logUnheard(const Patience& patience, const Failure& why) {
    if (why.check<CancelledError>() == nullptr) {
        log(LogLevel::Error,
            nameOf(patience) + " failed after the client had left: " + why.brief());
    }
}

void giveUp(const Patience& patience, ITransport* transport, const Failure& why) {
    log(LogLevel::Error,
        std::string(patience.protocol) + ": the connection cannot go on: " + why.brief());
    if (transport != nullptr) {
        transport->abortConnection();
    }
}

}  // namespace marline::detail
