// The sequential program once for each site, by spawnProcess() underneath: nothing is shared, so
// nothing needs a lock, at the price of a whole program each.
#include <filesystem>
#include <iostream>

#include "fetching.hpp"

using namespace marline;
using namespace strategies;

auto fetchAll(Reactor& reactor) {
    const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    std::vector<Deferred<std::string>> all;
    for (const auto& url : urls)
        all.push_back(
            getProcessOutput(reactor, here / "fetch_sequential", {url}, {.env = std::nullopt}));
    return gatherResults(all).addCallback([](const std::vector<std::string>& lines) {
        for (const auto& line : lines)
            std::cout << line;
    });
}

int main() { return react(fetchAll); }
