// A pair whose halves lead to different types.
// Says: both halves given to addCallbacks must lead to the same type
#include <marline/deferred/deferred.hpp>

#include <string>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addCallbacks([](int) { return std::string("one"); },
                   [](const marline::Failure&) { return "none"; });
#else
    d.addCallbacks([](int) { return 1; },
                   [](const marline::Failure&) { return std::string("none"); });
#endif
}
