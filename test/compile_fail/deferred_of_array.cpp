// A value that is an array, which nothing can return.
// Says: Deferred<T[n]> is not possible; use Deferred<std::array<T, n>>
#include <marline/deferred/deferred.hpp>

#include <array>

int main() {
#ifdef RIGHT
    marline::Deferred<std::array<int, 3>> d;
#else
    marline::Deferred<int[3]> d;
#endif
}
