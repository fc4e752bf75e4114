// A callback with more extra arguments than addCallback takes.
// Says: addCallback takes up to three extra arguments; capture more in a lambda
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addCallback([](int, int, int, int) {}, 1, 2, 3);
#else
    d.addCallback([](int, int, int, int, int) {}, 1, 2, 3, 4);
#endif
}
