// What a user of marline writes first: a result, a step on it, an error that is dealt with by type.
#include <cstdio>
#include <string>

#include <marline/marline.hpp>

int main() {
    std::string said;
    marline::DeferredSource<int> source;
    source.deferred()
        .addCallback([](int value) -> marline::Result<int> {
            return marline::Failure::make<marline::TimeoutError>(std::to_string(value));
        })
        .addErrback<marline::TimeoutError>([&said](const marline::Failure& why) {
            said = why.message();
            return 0;
        });
    source.callback(42);
    std::puts(said.c_str());
    return said == "42" ? 0 : 1;
}
