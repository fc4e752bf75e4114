// A long double needs 16-byte alignment: refused at once, not when a callback is added.
// Says: Deferred<T> needs a T of no more than 8-byte alignment; put it behind a std::unique_ptr
#include <marline/deferred/deferred.hpp>

int main() {
#ifdef RIGHT
    marline::Deferred<double> d;
#else
    marline::Deferred<long double> d;
#endif
}
