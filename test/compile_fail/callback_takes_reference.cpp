// A callback that wants to change the value in place.
// Says: must take one T: by value, as const T& or as T&& (not as T&
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addCallback([](int&& x) { return ++x; });
#else
    d.addCallback([](int& x) { return ++x; });
#endif
}
