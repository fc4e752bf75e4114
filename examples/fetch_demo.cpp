// Runs the talk's fetcher (twisted_fetcher.cpp) on an internet of its own; see internet/.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <marline/marline.hpp>

#include "internet/internet.hpp"

using namespace marline;

Deferred<> fetchAll(Reactor& reactor);

namespace {

constexpr Duration kDelay = std::chrono::milliseconds(50);

double inSeconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::map<std::string, internet::Fault> parseArguments(const std::vector<std::string>& arguments) {
    std::map<std::string, internet::Fault> faults;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string value = arguments[i];
        if (value == "--break" && i + 1 < arguments.size()) {
            value = arguments[++i];
        } else if (value.starts_with("--break=")) {
            value.erase(0, 8);
        } else {
            throw std::invalid_argument("cannot read '" + value + "'; use --break SITE=HOW");
        }
        const std::size_t equals = value.find('=');
        const std::string site = value.substr(0, equals);
        if (equals == std::string::npos ||
            std::find(internet::kSites.begin(), internet::kSites.end(), site) ==
                internet::kSites.end()) {
            throw std::invalid_argument(
                "--break takes twitter.com, google.com, yahoo.com or facebook.com, then =HOW");
        }
        faults[site] = internet::parseFault(value.substr(equals + 1));
    }
    return faults;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto faults = parseArguments({argv + 1, argv + argc});
        return react([&](Reactor& reactor) {
            auto world = std::make_shared<internet::Internet>(reactor, faults, kDelay);
            const Duration start = reactor.seconds();
            return fetchAll(reactor).addBoth([&reactor, world, start](Result<> outcome) {
                std::printf("%zu sites in %.3f s; one after the other: %.3f s\n",
                            internet::kSites.size(), inSeconds(reactor.seconds() - start),
                            inSeconds(world->roundTrips()));
                return outcome;
            });
        });
    } catch (const std::exception& error) {
        std::cerr << "fetch_demo: " << error.what() << '\n';
        return 2;
    }
}
