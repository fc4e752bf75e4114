// The same with co_await: it reads as the sequential one does, and waits for all at once.
#include <iostream>

#include <marline/deferred/coroutine.hpp>

#include "fetching.hpp"

using namespace marline;
using namespace strategies;

Deferred<> fetchAll(Reactor& reactor) {
    internet::join(reactor);
    std::vector<Deferred<std::string>> all;
    for (const auto& url : urls)
        all.push_back(fetch(reactor, url));
    for (auto& line : all)
        std::cout << co_await std::move(line);
}

int main() { return react(fetchAll); }
