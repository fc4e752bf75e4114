// An errback for a type that no error is of.
// Says: addErrback<E>(g) needs an E derived from std::exception; for other types use
#include <marline/deferred/deferred.hpp>

int main() {
    marline::Deferred<int> d;
#ifdef RIGHT
    d.addErrback<marline::TimeoutError>([](const marline::TimeoutError&) { return 0; });
#else
    d.addErrback<int>([](int code) { return code; });
#endif
}
