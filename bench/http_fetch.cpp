// Fetches from 127.0.0.1 with the whole agent: its pool, RedirectAgent, time-outs and limits.
//
// `http_fetch --n N --conc C --port P` fetches `/` N times over at most C kept connections.
// `http_fetch --mode redirect --rounds R --ports a,b,c,d` fetches `/r` of all four at once, R
// times; each is a redirect, and no connection is used twice.
//
// Every answer must be a 200 with `Hello, world!`. Prints one JSON line; an operation is a fetch,
// or a round.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <marline/marline.hpp>

#include "allocations.hpp"
#include "arguments.hpp"
#include "process.hpp"

using namespace marline;

namespace {

std::vector<Uri> urisOf(const std::string& ports, const std::string& path) {
    std::vector<Uri> uris;
    std::istringstream each(ports);
    for (std::string port; std::getline(each, port, ',');) {
        uris.push_back(Uri::parse("http://127.0.0.1:" + port + path).value());
    }
    return uris;
}

Deferred<std::string> readPage(const Response& response) {
    if (response.code() != 200) {
        throw std::runtime_error("status " + std::to_string(response.code()));
    }
    return readBody(response);
}

class Fetches {
public:
    Fetches(Reactor& reactor, const AgentOptions& options, std::vector<Uri> uris, long operations)
        : reactor_(reactor), agent_(Agent(reactor, options)), uris_(std::move(uris)),
          operations_(operations) {}

    /// One URI, `atOnce` fetches of it at any time.
    void keep(long atOnce) {
        for (long i = std::min(atOnce, operations_); i > 0; --i) {
            ++begun_;
            again();
        }
    }
    /// All URIs at once, then again.
    void nextRound() {
        pending_ = uris_.size();
        for (const Uri& uri : uris_) {
            fetch(uri, [this] {
                if (--pending_ == 0 && ++done_ == operations_) {
                    reactor_.stop();
                } else if (pending_ == 0) {
                    nextRound();
                }
            });
        }
    }

    long done() const noexcept { return done_; }

private:
    void again() {
        fetch(uris_[0], [this] {
            if (++done_ == operations_) {
                reactor_.stop();
            } else if (begun_ < operations_) {
                ++begun_;
                again();
            }
        });
    }
    template <class Then>
    void fetch(const Uri& uri, Then then) {
        agent_.request("GET", uri)
            .addCallback(readPage)
            .addCallbacks(
                [then](const std::string& page) {
                    if (page != "Hello, world!") {
                        fail("an unexpected page: " + page);
                    }
                    then();
                },
                [](const Failure& why) { fail(why.message()); });
    }
    [[noreturn]] static void fail(const std::string& why) {
        std::fprintf(stderr, "http_fetch: %s\n", why.c_str());
        std::exit(3);
    }

    Reactor& reactor_;
    RedirectAgent agent_;
    std::vector<Uri> uris_;
    long operations_;
    std::size_t pending_ = 0;
    long begun_ = 0;
    long done_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const auto began = std::chrono::steady_clock::now();
    const double cpu = bench::cpuSeconds();
    bench::raiseDescriptors();
    const bool redirect = bench::argument(argc, argv, "--mode", "keep") == "redirect";
    const long atOnce = std::max(bench::number(argc, argv, "--conc", 64), 1L);
    const std::string port = bench::argument(argc, argv, "--port", "80");
    AgentOptions options;
    options.persistent = !redirect;
    if (!redirect) {
        options.maxPerHost = static_cast<std::size_t>(atOnce);
        options.maxTotal = std::max(options.maxTotal, options.maxPerHost);
    }

    Reactor reactor;
    Fetches fetches(
        reactor, options,
        redirect ? urisOf(bench::argument(argc, argv, "--ports", port), "/r") : urisOf(port, "/"),
        redirect ? bench::number(argc, argv, "--rounds", 500)
                 : bench::number(argc, argv, "--n", 20000));
    reactor.callWhenRunning([&] { redirect ? fetches.nextRound() : fetches.keep(atOnce); });
    reactor.run();

    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
    const auto count = static_cast<double>(fetches.done());
    std::printf(
        "{\"ops\":%ld,\"rps\":%.1f,\"wall_us\":%.3f,\"cpu_us\":%.3f,\"allocs\":%.2f,"
        "\"rss_MiB\":%.1f}\n",
        fetches.done(), count / wall.count(), wall.count() * 1e6 / count,
        (bench::cpuSeconds() - cpu) * 1e6 / count, static_cast<double>(bench::allocations) / count,
        bench::residentMiB());
    return 0;
}
