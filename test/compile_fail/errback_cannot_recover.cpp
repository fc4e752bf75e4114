// An errback that gives what the next callback does not expect.
// Says: an errback on Deferred<T> must return a T, Deferred<T>, Result<T> or Failure
#include <marline/deferred/deferred.hpp>

#include <string>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addErrback([](const marline::Failure&) { return 0; });
#else
    d.addErrback([](const marline::Failure&) { return std::string("none"); });
#endif
}
