// The sentence comes early also in a program that includes everything.
// Says: a callback on Deferred<T> must take one T: by value, as const T& or as T&&
#include <marline/marline.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addCallback([](int) {});
#else
    d.addCallback([](const std::string&) {});
#endif
}
