// Honest clients of an HTTP server beside slow ones: `slowloris --slow 2000 --honest 8 --seconds
// 4`.
//
// The slow ones send a byte of a head each second and never end it. Prints, as JSON, the latency of
// the honest ones without and with them, and whether and when the slow ones were gone.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <marline/marline.hpp>

#include "arguments.hpp"
#include "process.hpp"

using namespace marline;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kTicks = 100;  // a second

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Asks again as soon as it is answered.
class Honest final : public Protocol {
public:
    explicit Honest(std::vector<double>& latencies) : latencies_(latencies) {}

private:
    void connectionMade() override { ask(); }
    void dataReceived(std::span<const std::byte> data) override {
        came_ += asText(data);
        if (came_.ends_with("Hello, world!")) {
            latencies_.push_back(secondsSince(asked_) * 1e6);
            came_.clear();
            ask();
        }
    }
    void ask() {
        asked_ = Clock::now();
        transport()->write("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
    }

    std::vector<double>& latencies_;
    std::string came_;
    Clock::time_point asked_;
};

class Slowloris final : public Protocol {
public:
    /// Tells in `lifetimes` how many seconds it was let live.
    explicit Slowloris(std::vector<double>& lifetimes) : lifetimes_(lifetimes) {}

    void drip() {
        if (transport() != nullptr) {
            transport()->write("x");
        }
    }

private:
    void connectionMade() override {
        made_ = Clock::now();
        transport()->write("GET / HTTP/1.1\r\nHost: t\r\nX-");
    }
    void connectionLost(const Failure& why) override {
        lifetimes_.push_back(secondsSince(made_));
        Protocol::connectionLost(why);
    }

    std::vector<double>& lifetimes_;
    Clock::time_point made_;
};

/// Turns the reactor until `done()`, or for `most`; whether it was done.
template <class Done>
bool turnUntil(Reactor& reactor, Duration most, Done done) {
    bool late = false;
    DelayedCall guard = reactor.callLater(most, [&late] { late = true; });
    while (!done() && !late) {
        reactor.iterate(1s);
    }
    if (guard.active()) {
        guard.cancel();
    }
    return !late;
}

struct Quantiles {
    std::size_t requests;
    double p50;
    double p99;
};

/// The latency of honest requests while `time` passes, in microseconds.
Quantiles measure(Reactor& reactor, std::vector<double>& latencies, Duration time) {
    latencies.clear();
    turnUntil(reactor, time, [] { return false; });
    std::sort(latencies.begin(), latencies.end());
    const std::size_t count = latencies.size();
    if (count == 0) {
        return {0, 0, 0};
    }
    return {count, latencies[count / 2], latencies[count * 99 / 100]};
}

/// 0 when there is nothing to compare with.
double ratio(double value, double to) { return to > 0 ? value / to : 0; }

void print(const Quantiles& alone, const Quantiles& beside, const std::vector<double>& lifetimes,
           bool gone, std::size_t count) {
    const auto latest = std::max_element(lifetimes.begin(), lifetimes.end());
    std::printf(
        "{\"alone\": {\"requests\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f},\n"
        " \"beside_slow\": {\"requests\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f},\n"
        " \"p50_ratio\": %.2f, \"p99_ratio\": %.2f,\n"
        " \"slow\": %zu, \"slow_gone\": %zu, \"all_gone\": %s, \"longest_s\": %.2f}\n",
        alone.requests, alone.p50, alone.p99, beside.requests, beside.p50, beside.p99,
        ratio(beside.p50, alone.p50), ratio(beside.p99, alone.p99), count, lifetimes.size(),
        gone ? "true" : "false", latest == lifetimes.end() ? 0.0 : *latest);
}

/// Plays all the clients of the server.
int attack(const Address& server, std::size_t slowCount, long honestCount, Duration time) {
    // The connections end with the reactor at the latest, and tell these.
    std::vector<double> latencies;
    std::vector<double> lifetimes;
    std::size_t connected = 0;
    Reactor reactor;
    std::vector<Ref<Protocol>> honest;
    for (long i = 0; i < honestCount; ++i) {
        honest.push_back(makeRef<Honest>(latencies));
        reactor.connectTcp(server,
                           factoryOf([one = honest.back()](const Address&) { return one; }));
    }
    measure(reactor, latencies, 1s);  // to be warm
    const Quantiles alone = measure(reactor, latencies, time);

    std::vector<Ref<Slowloris>> slowOnes;
    for (std::size_t i = 0; i < slowCount; ++i) {
        slowOnes.push_back(makeRef<Slowloris>(lifetimes));
        reactor
            .connectTcp(server, factoryOf([one = slowOnes.back()](const Address&) { return one; }))
            .addCallback([&connected](const Ref<IProtocol>&) { ++connected; });
    }
    // Each once a second, spread over it: this reactor's own work must not be what is measured.
    std::size_t tick = 0;
    LoopingCall dripping(reactor, [&slowOnes, &tick] {
        for (std::size_t i = tick++ % std::size_t{kTicks}; i < slowOnes.size();
             i += std::size_t{kTicks}) {
            slowOnes[i]->drip();
        }
    });
    dripping.start(Duration(1s) / kTicks);
    turnUntil(reactor, 10s, [&] { return connected == slowCount; });
    const Quantiles beside = measure(reactor, latencies, time);
    const bool gone = turnUntil(reactor, 30s, [&] { return lifetimes.size() == slowCount; });
    dripping.stop();
    print(alone, beside, lifetimes, gone, slowCount);
    for (const Ref<Protocol>& one : honest) {
        if (one->transport() != nullptr) {
            one->transport()->abortConnection();
        }
    }
    turnUntil(reactor, 1s, [&] {
        return std::all_of(honest.begin(), honest.end(),
                           [](const auto& one) { return one->transport() == nullptr; });
    });
    return gone ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    bench::raiseDescriptors();
    Reactor server;
    auto site = makeRef<http::Site>(server, makeRef<http::Data>("Hello, world!", "text/plain"));
    const auto port = server.listenTcp(0, site, {.interface = "127.0.0.1"});
    const Address address = port->getHost();
    int status = 1;
    std::thread clients([&] {
        status =
            attack(address, static_cast<std::size_t>(bench::number(argc, argv, "--slow", 2000)),
                   bench::number(argc, argv, "--honest", 8),
                   std::chrono::seconds(bench::number(argc, argv, "--seconds", 4)));
        server.callFromThread([&server] { server.stop(); });
    });
    server.run();
    clients.join();
    return status;
}
