// A small program on all of marline: a request, a step on it, an error that is dealt with by type.
#include <cstdio>
#include <string>

#include <marline/marline.hpp>

int main() {
    std::string said;
    const int status = marline::react([&said](marline::Reactor& reactor) {
        return marline::Agent{reactor}
            .request("GET", "gopher://example.org/")
            .addCallback([](const marline::Response&) {})
            .addErrback<marline::Error>(
                [&said](const marline::Failure& why) { said = why.message(); });
    });
    std::puts(said.c_str());
    return status == 0 && said.find("gopher") != std::string::npos ? 0 : 1;
}
