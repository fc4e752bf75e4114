// A callback that takes fewer arguments than addCallback was given.
// Says: then the arguments given to addCallback after it
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addCallback([](int, long) {}, 2L);
#else
    d.addCallback([](int) {}, 2L);
#endif
}
