// A Deferred of a reference, which nobody could keep alive.
// Says: Deferred<T&> is not possible; use Deferred<T>, Deferred<T*> or Deferred<Ref<T>>
#include <marline/deferred/deferred.hpp>

int main() {
#ifdef RIGHT
    marline::Deferred<int*> d;
#else
    marline::Deferred<int&> d;
#endif
}
