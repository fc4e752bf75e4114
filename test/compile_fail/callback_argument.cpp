// A callback that takes something else than the value.
// Says: a callback on Deferred<T> must take one T: by value, as const T& or as T&&
#include <marline/deferred/deferred.hpp>

#include <string>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addCallback([](int) {});
#else
    d.addCallback([](const std::string&) {});
#endif
}
