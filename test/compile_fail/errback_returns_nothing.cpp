// An errback that only logs, on a Deferred whose next callback expects a value.
// Says: to only look at the Failure, return it
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addErrback([](const marline::Failure& why) { return why; });
#else
    d.addErrback([](const marline::Failure&) {});
#endif
}
