// An errback with more extra arguments than addErrback takes.
// Says: addErrback takes up to two extra arguments; capture more in a lambda
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<> d;
#ifdef RIGHT
    d.addErrback([](const marline::Failure&, int, int) {}, 1, 2);
#else
    d.addErrback([](const marline::Failure&, int, int, int) {}, 1, 2, 3);
#endif
}
