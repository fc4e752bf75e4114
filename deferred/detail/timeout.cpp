#include <marline/deferred/detail/timeout.hpp>

#include <cstdio>
#include <string>

#include <marline/deferred/detail/sites.hpp>

namespace marline::detail {

void Timeout::expire() {
    expired_ = true;
    if (chain_ != nullptr) {
        // Cancelling may let go of the last other reference.
        Chain& chain = *chain_;
        chain.retain();
        const struct Release {
            Chain& chain;
            ~Release() { chain.release(); }
        } release{chain};
        chain.cancel();
    }
}

Failure Timeout::error(const std::source_location& made, std::chrono::nanoseconds after) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.9g s", std::chrono::duration<double>(after).count());
    return Failure::make<TimeoutError>("the Deferred made at " + describeSite(made) +
                                       " had no result after " + seconds);
}

}  // namespace marline::detail
