// A callback that returns a Deferred of a Deferred.
// Says: Deferred<Deferred<T>> is not possible; return the inner Deferred from a callback
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<> d;
#ifdef RIGHT
    d.addCallback([] { return marline::Deferred<int>(); });
#else
    d.addCallback([] { return marline::Deferred<marline::Deferred<int>>(); });
#endif
}
