// A typed errback with an extra argument.
// Says: addErrback<E>(g) takes no extra arguments; capture them in a lambda
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<> d;
#ifdef RIGHT
    d.addErrback<marline::TimeoutError>([n = 1](const marline::TimeoutError&) { (void)n; });
#else
    d.addErrback<marline::TimeoutError>([](const marline::TimeoutError&, int) {}, 1);
#endif
}
