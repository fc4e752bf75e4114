// A named Deferred that is const, and so cannot be given away.
// Says: write co_await std::move(d)
#include <marline/deferred/coroutine.hpp>

#include <utility>

#ifdef RIGHT
marline::Deferred<int> next(marline::Deferred<int> d) { co_return co_await std::move(d) + 1; }
#else
marline::Deferred<int> next(const marline::Deferred<int> d) { co_return co_await d + 1; }
#endif

int main() { next(marline::Deferred<int>()); }
