// A value that may throw when it moves, and would be lost on its way.
// Says: Deferred<T> needs a T that moves without throwing; put it behind a std::unique_ptr
#include <marline/deferred/deferred.hpp>

#include <memory>

struct Heavy {
    Heavy() = default;
    Heavy(const Heavy&) {}
};

int main() {
#ifdef RIGHT
    marline::Deferred<std::unique_ptr<Heavy>> d;
#else
    marline::Deferred<Heavy> d;
#endif
}
