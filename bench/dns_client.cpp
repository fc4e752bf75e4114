// Resolves N distinct names, C at a time: `dns_client --port P --n N --conc C` asks 127.0.0.1:P.
#include <marline/reactor/ares_resolver.hpp>
#include <marline/reactor/reactor.hpp>

#include "arguments.hpp"
#include "process.hpp"

#include <cstdio>

using namespace marline;

namespace {

struct Run {
    Reactor& reactor;
    Ref<IResolver> resolver;
    long total;
    long asked = 0;
    long done = 0;
    long bad = 0;

    void next() {
        if (asked == total) {
            return;
        }
        resolver->resolve("h" + std::to_string(asked++) + ".bench.test", 80)
            .addCallbacks([this](const std::vector<Address>& found) { ended(found.size() == 1); },
                          [this](const Failure&) { ended(false); });
    }
    void ended(bool well) {
        bad += well ? 0 : 1;
        if (++done == total) {
            reactor.stop();
        } else {
            next();
        }
    }
};

}  // namespace

int main(int argc, char** argv) {
    Reactor reactor;
    AresResolverOptions options;
    options.servers = {"127.0.0.1:" + bench::argument(argc, argv, "--port", "53")};
    options.timeout = std::chrono::seconds(5);
    const long atOnce = bench::number(argc, argv, "--conc", 256);
    options.maxQuestions = static_cast<std::size_t>(atOnce);  // its server has room for them
    Run run{reactor, makeRef<AresResolver>(reactor, options),
            bench::number(argc, argv, "--n", 20000)};
    const Duration began = reactor.seconds();
    reactor.callWhenRunning([&] {
        for (long i = atOnce; i > 0; --i) {
            run.next();
        }
    });
    reactor.run();
    const double wall = std::chrono::duration<double>(reactor.seconds() - began).count();
    const auto count = static_cast<double>(run.total);
    if (run.bad != 0) {
        std::fprintf(stderr, "dns_client: %ld bad answers\n", run.bad);
        return 1;
    }
    std::printf("{\"ops\":%ld,\"rps\":%.1f,\"cpu_us\":%.3f}\n", run.total, count / wall,
                bench::cpuSeconds() * 1e6 / count);
    return 0;
}
