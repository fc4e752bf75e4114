// A callback that cannot be copied, given as an lvalue.
// Says: this callback cannot be copied into the chain; give it with std::move
#include <marline/deferred/deferred.hpp>

#include <memory>

int main() {
    marline::Deferred<int> d;
    auto callback = [owned = std::make_unique<int>(1)](int x) { return x + *owned; };
#ifdef RIGHT
    d.addCallback(std::move(callback));
#else
    d.addCallback(callback);
#endif
}
