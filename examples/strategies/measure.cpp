#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include <sys/resource.h>

namespace strategies {

using namespace marline;

namespace {

constexpr Duration kBetweenLooks = std::chrono::milliseconds(2);

/// A process may go while it is looked at: then there is nothing to be read.
void addProcess(const std::string& pid, double& kibibytes, std::size_t& threads) {
    std::ifstream status("/proc/" + pid + "/status");
    for (std::string word; status >> word;) {
        double number = 0;
        if (word == "VmHWM:" && status >> number) {
            kibibytes += number;
        } else if (word == "Threads:" && status >> number) {
            threads += static_cast<std::size_t>(number);
        }
    }
}

void addChildren(const std::string& pid, double& kibibytes, std::size_t& threads) {
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + pid + "/task", gone)) {
        std::ifstream children(task.path() / "children");
        for (std::string child; children >> child;) {
            addProcess(child, kibibytes, threads);
            addChildren(child, kibibytes, threads);
        }
    }
}

/// Of the children that have ended.
double cpuOfChildren() {
    rusage usage{};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void look(Cost& cost) {
    double kibibytes = 0;
    std::size_t threads = 0;
    addChildren("self", kibibytes, threads);
    cost.memory = std::max(cost.memory, kibibytes / 1024);
    cost.threads = std::max(cost.threads, threads);
}

}  // namespace

Deferred<Cost> measure(Reactor& reactor, const std::string& name, const std::string& program,
                       const Environment& environment) {
    auto cost = std::make_shared<Cost>();
    cost->name = name;
    auto looking = std::make_shared<LoopingCall>(reactor, [cost] { look(*cost); });
    const Duration begun = reactor.seconds();
    const double cpuBefore = cpuOfChildren();
    auto output = getProcessOutput(reactor, program, {}, {.env = environment});
    looking->start(kBetweenLooks);
    return output.addBoth(
        [&reactor, cost, looking, begun, cpuBefore](const Result<std::string>& printed) {
            looking->stop();
            cost->output = printed.value();
            cost->wall = std::chrono::duration<double>(reactor.seconds() - begun).count();
            cost->cpu = cpuOfChildren() - cpuBefore;
            return std::move(*cost);
        });
}

}  // namespace strategies
