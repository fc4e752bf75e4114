// D-14: a value cannot be a Failure, so the track needs no guessing.
// Says: a Failure is given to errback()
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.errback(marline::Failure::make<marline::TimeoutError>("late"));
#else
    d.callback(marline::Failure::make<marline::TimeoutError>("late"));
#endif
}
