// A callback that expects a value of a Deferred<> that has none.
// Says: a callback on Deferred<> takes no argument
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<> d;
#ifdef RIGHT
    d.addCallback([] {});
#else
    d.addCallback([](int) {});
#endif
}
