// A Result of a value that may throw when it moves could lose what it had.
// Says: Result<T> needs a T that moves without throwing; put it behind a std::unique_ptr
#include <marline/deferred/result.hpp>

#include <memory>

struct Heavy {
    Heavy() = default;
    Heavy(const Heavy&) {}
};

int main() {
#ifdef RIGHT
    const marline::Result<std::unique_ptr<Heavy>> r(std::make_unique<Heavy>());
#else
    const marline::Result<Heavy> r{Heavy()};
#endif
}
