// A Failure made of something that is no exception.
// Says: Failure::make<E>() needs an E derived from std::exception
#include <marline/deferred/failure.hpp>

#include <stdexcept>

int main() {
#ifdef RIGHT
    marline::Failure::make<std::runtime_error>("broken");
#else
    marline::Failure::make<int>(3);
#endif
}
