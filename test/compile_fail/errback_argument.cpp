// An errback that takes something else than a Failure.
// Says: an errback must take a Failure: by value or as const Failure&
#include <marline/deferred/deferred.hpp>

#include <string>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addErrback([](const marline::Failure&) { return 0; });
#else
    d.addErrback([](const std::string&) { return 0; });
#endif
}
