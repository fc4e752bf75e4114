// One thread, and a Deferred for each site: what is to be done once it answers.
#include <iostream>

#include "fetching.hpp"

using namespace marline;
using namespace strategies;

auto fetchAll(Reactor& reactor) {
    internet::join(reactor);
    std::vector<Deferred<std::string>> all;
    for (const auto& url : urls)
        all.push_back(fetch(reactor, url));
    return gatherResults(all).addCallback([](const std::vector<std::string>& lines) {
        for (const auto& line : lines)
            std::cout << line;
    });
}

int main() { return react(fetchAll); }
