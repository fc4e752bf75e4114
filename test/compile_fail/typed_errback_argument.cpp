// An errback for one error that takes another one.
// Says: addErrback<E>(g) needs a g that takes a const E& or a const Failure&
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addErrback<marline::TimeoutError>([](const marline::TimeoutError&) { return 0; });
#else
    d.addErrback<marline::TimeoutError>([](const marline::CancelledError&) { return 0; });
#endif
}
