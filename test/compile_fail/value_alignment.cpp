// A value that needs more alignment than the memory of a chain has.
// Says: Deferred<T> needs a T of no more than 8-byte alignment; put it behind a std::unique_ptr
#include <marline/deferred/deferred.hpp>

#include <memory>

struct alignas(64) Line {
    double numbers[8];
};

int main() {
#ifdef RIGHT
    marline::Deferred<std::unique_ptr<Line>> d;
#else
    marline::Deferred<Line> d;
#endif
}
