// A view kept although the callback changed the type.
// Says: keep what the last add*() returned in an `auto` of its own
#include <marline/deferred/deferred.hpp>

#include <string>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    auto text = d.addCallback([](int x) { return std::to_string(x); });
#else
    d = d.addCallback([](int x) { return std::to_string(x); });
#endif
}
