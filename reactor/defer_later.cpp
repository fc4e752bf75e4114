#include <marline/reactor/defer_later.hpp>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>

#include <stdexcept>
#include <utility>

namespace marline {
namespace {

/// The call that a canceller, which is made before it, will know.
struct Pending final : RefCounted {
    DelayedCall call;
};

}  // namespace

Deferred<> deferLater(IReactorTime& clock, DelayHere delay) {
    if (delay.delay < Duration::zero()) {
        throw std::invalid_argument("deferLater() with a negative delay");
    }
    auto pending = makeRef<Pending>();
    DeferredSource<> source(
        [pending](Deferred<> d) {
            // Fired first: the call takes the source with it.
            d.errback(Failure::make<CancelledError>());
            if (pending->call.active()) {
                pending->call.cancel();
            }
        },
        delay.where);
    Deferred<> result = source.deferred();
    pending->call = clock.callLater(
        delay.delay, [source = std::move(source)]() mutable { source.callback(); }, delay.where);
    return result;
}

}  // namespace marline
