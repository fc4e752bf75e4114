// DC-17: a Deferred cannot be fired with a Deferred.
// Says: a Deferred is returned from a callback
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
    marline::Deferred<int> other;
#ifdef RIGHT
    d.addCallback([other](int) { return other; });
    d.callback(1);
#else
    d.callback(other);
#endif
}
