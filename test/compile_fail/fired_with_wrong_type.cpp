// A firing with a value of another type.
// Says: callback() takes one T, or nothing on a Deferred<>
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.callback(1);
#else
    d.callback("one");
#endif
}
