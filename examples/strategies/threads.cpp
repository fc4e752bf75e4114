// The code that waits, in a thread for each site: all at once, at the price of a stack each, and of
// locks as soon as they share anything.
#include <iostream>

#include <marline/reactor/threads.hpp>

#include "fetching.hpp"

using namespace marline;
using namespace strategies;

auto fetchAll(Reactor& reactor) {
    std::vector<Deferred<std::string>> all;
    for (const auto& url : urls)
        all.push_back(deferToThread(reactor, fetchAndWait, url));
    return gatherResults(all).addCallback([](const std::vector<std::string>& lines) {
        for (const auto& line : lines)
            std::cout << line;
    });
}

int main() { return react(fetchAll); }
