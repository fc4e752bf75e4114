// A callback whose captures need more alignment than a chain's memory has.
// Says: put what needs more than 8-byte alignment behind a std::unique_ptr
#include <marline/deferred/deferred.hpp>

#include <memory>

struct alignas(64) Line {
    char bytes[64] = {};
};

int main() {
    marline::Deferred<> d;
#ifdef RIGHT
    d.addCallback([line = std::make_unique<Line>()] { return line->bytes[0]; });
#else
    d.addCallback([line = Line()] { return line.bytes[0]; });
#endif
}
