// maybeDeferred() on a function whose value nobody can know.
// Says: return a Result<T>
#include <marline/deferred/succeed.hpp>

int main() {
    const auto why = [] { return marline::Failure::make<marline::TimeoutError>("late"); };
#ifdef RIGHT
    marline::maybeDeferred([&] { return marline::Result<int>(why()); });
#else
    marline::maybeDeferred(why);
#endif
}
