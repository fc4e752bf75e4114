// Runs the five fetchers, one after the other, on an internet in this process, and compares them:
//     compare [--delay MILLISECONDS] [--svg FILE] [--programs FOLDER]
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include <marline/deferred/coroutine.hpp>

#include <examples/internet/internet.hpp>
#include "chart.hpp"

using namespace marline;
using namespace strategies;

namespace {

struct Options {
    Duration delay = std::chrono::milliseconds(50);
    std::string svg;
    std::filesystem::path programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
};

Options parse(const std::vector<std::string>& arguments) {
    Options options;
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
        const std::string& name = arguments[i];
        const std::string value = i + 1 < arguments.size() ? arguments[i + 1] : "";
        if (name == "--delay" && !value.empty() && value.size() < 6 &&
            value.find_first_not_of("0123456789") == std::string::npos) {
            options.delay = std::chrono::milliseconds(std::stoi(value));
        } else if (name == "--svg" && !value.empty()) {
            options.svg = value;
        } else if (name == "--programs" && !value.empty()) {
            options.programs = value;
        } else {
            throw std::invalid_argument(
                "cannot read '" + name + ' ' + value +
                "'; use --delay MILLISECONDS, --svg FILE, --programs FOLDER");
        }
    }
    return options;
}

Deferred<> compare(Reactor& reactor, Options options) {
    const internet::Internet world(reactor, {}, options.delay);
    const Environment environment = {{internet::kVariable, world.description()}};
    std::vector<Cost> costs;
    std::printf("%-12s%12s%12s%12s%10s\n", "", "wall, ms", "CPU, ms", "memory, MiB", "threads");
    for (const char* name : {"sequential", "threads", "deferreds", "coroutines", "processes"}) {
        costs.push_back(co_await measure(
            reactor, name, options.programs / (std::string("fetch_") + name), environment));
        const Cost& cost = costs.back();
        std::printf("%-12s%12.0f%12.0f%12.1f%10zu\n", name, cost.wall * 1000, cost.cpu * 1000,
                    cost.memory, cost.threads);
        if (cost.output != costs.front().output) {
            throw std::runtime_error("the output of " + cost.name + " is another one:\n" +
                                     cost.output);
        }
    }
    std::cout << "\nThe output of each:\n" << costs.front().output;
    if (!options.svg.empty() && !(std::ofstream(options.svg) << chart(costs))) {
        throw std::runtime_error("cannot write " + options.svg);
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return react(compare, parse({argv + 1, argv + argc}));
    } catch (const std::exception& error) {
        std::cerr << "compare: " << error.what() << '\n';
        return 2;
    }
}
