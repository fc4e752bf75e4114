// A function that returns a Deferred of another type than it says.
// Says: add a callback that makes the wanted type
#include <marline/deferred/deferred.hpp>

#include <string>

marline::Deferred<std::string> read(marline::Deferred<int> d) {
#ifdef RIGHT
    return d.addCallback([](int x) { return std::to_string(x); });
#else
    return d;
#endif
}

int main() { read(marline::Deferred<int>()); }
