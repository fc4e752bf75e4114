// A Deferred whose value is to be an error.
// Says: Deferred<Failure> and Deferred<Result<T>> are not possible; every Deferred<T> can fail
#include <marline/deferred/deferred.hpp>

int main() {
#ifdef RIGHT
    marline::Deferred<int> d;
#else
    marline::Deferred<marline::Result<int>> d;
#endif
}
