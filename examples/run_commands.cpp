// Runs each argument as a shell command, two at a time, and tells how each of them ended.
//
//     run_commands 'grep -c processor /proc/cpuinfo' 'exit 3' 'kill -TERM $$'
#include <iostream>
#include <string>
#include <vector>

#include <marline/marline.hpp>
#include <marline/reactor/process_pool.hpp>

using namespace marline;

namespace {

void tell(const ProcessOutput& output, const std::string& command) {
    std::cout << command << ": code " << output.code << '\n' << output.out << output.err;
}

void tellFailure(const Failure& why, const std::string& command) {
    std::cout << command << ": " << why.message() << '\n';
}

auto runAll(Reactor& reactor, const std::vector<std::string>& commands) {
    ProcessPool pool(reactor, {.maxProcesses = 2});
    std::vector<Deferred<>> all;
    for (const std::string& command : commands) {
        all.push_back(pool.run("/bin/sh", {"-c", command}, {.env = std::nullopt})
                          .addCallback(tell, command)
                          .addErrback(tellFailure, command));
    }
    return DeferredList(all);
}

}  // namespace

int main(int argc, char** argv) {
    return react(runAll, std::vector<std::string>(argv + 1, argv + argc));
}
