// An error that cannot be copied, and so cannot be thrown to everybody who asks for it.
// Says: Failure::make<E>() needs an E that can be copied
#include <marline/deferred/failure.hpp>

#include <memory>
#include <stdexcept>

struct Owning : std::runtime_error {
    using std::runtime_error::runtime_error;
#ifdef RIGHT
    std::shared_ptr<int> detail;
#else
    std::unique_ptr<int> detail;
#endif
};

int main() { const auto failure = marline::Failure::make<Owning>("x"); }
