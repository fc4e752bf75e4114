// A named Deferred awaited without being given away.
// Says: write co_await std::move(d)
#include <marline/deferred/coroutine.hpp>

#include <utility>

marline::Deferred<int> next(marline::Deferred<int> d) {
#ifdef RIGHT
    co_return co_await std::move(d) + 1;
#else
    co_return co_await d + 1;
#endif
}

int main() { next(marline::Deferred<int>()); }
