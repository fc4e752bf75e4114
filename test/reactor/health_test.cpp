// How a reactor says that it is.
#include <marline/reactor/health.hpp>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <memory>
#include <random>
#include <source_location>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/datagram.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/inotify.hpp>
#include <marline/reactor/process.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/stdio.hpp>
#include <marline/reactor/threads.hpp>

#include "test/support/reactor_fixture.hpp"
#include "test/support/recording_process.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Silent : public Protocol {};

// A machine that stutters makes any callback slow.
constexpr HealthOptions kQuiet{.slowCallback = 0s};

/// The line below the one where this is called, as dump() writes it.
std::string nextLine(std::source_location where = std::source_location::current()) {
    return "health_test.cpp:" + std::to_string(where.line() + 1);
}

/// Takes so long that it is noticed, without sleeping.
void block(Reactor& reactor, Duration length) {
    const Duration end = reactor.seconds() + length;
    while (reactor.seconds() < end) {
        std::this_thread::yield();
    }
}

class Health : public marline::testing::ReactorFixture {};

// Histograms.

// Nothing counted gives zeros.
TEST(DurationHistogram, isZeroWhenEmpty) {
    const DurationHistogram none;
    EXPECT_EQ(none.count(), 0U);
    EXPECT_EQ(none.mean(), 0ns);
    EXPECT_EQ(none.max(), 0ns);
    EXPECT_EQ(none.quantile(0.99), 0ns);
}

// A quantile is never below the true one, and at most 25 % above it.
TEST(DurationHistogram, quantilesAreCloseFromAbove) {
    std::mt19937_64 random(7);
    std::vector<Duration> values;
    DurationHistogram histogram;
    for (int i = 0; i < 10'000; ++i) {
        values.emplace_back(static_cast<std::int64_t>(random() >> (1 + random() % 60)));
        histogram.add(values.back());
    }
    std::sort(values.begin(), values.end());
    for (const double q : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<std::size_t>(q * 10'000);
        const Duration exact = values[rank == 0 ? 0 : rank - 1];
        EXPECT_GE(histogram.quantile(q), exact) << q;
        EXPECT_LE(histogram.quantile(q) - exact, exact / 4) << q;
    }
    EXPECT_EQ(histogram.max(), values.back());
    EXPECT_EQ(histogram.quantile(1), values.back());
}

// The ends: zero, the smallest, what is negative, and the greatest there is.
TEST(DurationHistogram, takesEveryDuration) {
    DurationHistogram histogram;
    histogram.add(-5s);
    histogram.add(1ns);
    histogram.add(3ns);
    EXPECT_EQ(histogram.quantile(0), 0ns);
    EXPECT_EQ(histogram.quantile(0.6), 1ns);
    EXPECT_EQ(histogram.quantile(1), 3ns);
    EXPECT_EQ(histogram.mean(), 1ns);
    histogram.add(Duration::max());
    histogram.add(Duration::max());
    EXPECT_EQ(histogram.quantile(1), Duration::max());
    EXPECT_EQ(histogram.max(), Duration::max());
    EXPECT_EQ(histogram.count(), 5U);
}

// A share is from 0 to 1.
TEST(DurationHistogram, refusesOtherShares) {
    const DurationHistogram none;
    EXPECT_THROW(static_cast<void>(none.quantile(1.01)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(none.quantile(-0.1)), std::invalid_argument);
}

// Reports.

// Turns, callbacks and lag are counted from watchHealth() on, each kind of callback once.
TEST_F(Health, countsWhatTheReactorDoes) {
    reactor().callLater(0ms, [] {});
    turn();
    reactor().watchHealth(kQuiet);
    reactor().callLater(0ms, [] {});
    reactor().callLater(0ms, [] {});
    reactor().callFromThread([] {});
    turn(2);
    const HealthReport report = reactor().health();
    EXPECT_EQ(report.turns, 2U);
    EXPECT_EQ(report.callbacks, 3U);
    EXPECT_EQ(report.lag.count(), 2U);
    EXPECT_EQ(report.turnTimes.count(), 2U);
    EXPECT_GT(report.busy, 0ns);
    EXPECT_GE(report.watched, report.busy);
    EXPECT_LE(report.busyShare(), 1);
}

// What a connection's events do counts as callbacks as well.
TEST_F(Health, countsTransportsCallbacks) {
    auto port = reactor().listenTcp(0, makeFactory<Silent>(), {.interface = "127.0.0.1"});
    reactor().watchHealth(kQuiet);
    bool connected = false;
    reactor().connectTcp(port->getHost(), makeFactory<Silent>()).addCallback([&](Ref<IProtocol>) {
        connected = true;
    });
    runUntil([&] { return connected && port->connections() == 1; });
    const HealthReport report = reactor().health();
    // The attempt that succeeds, and the port that accepts.
    EXPECT_GE(report.callbacks, 2U);
    EXPECT_EQ(report.openTransports, 3U);
    EXPECT_EQ(report.pendingCalls, 0U);
}

// The lag is how late delayed calls begin: here one waits for another one that blocks.
TEST_F(Health, lagIsHowLateCallsBegin) {
    reactor().watchHealth(kQuiet);
    bool done = false;
    reactor().callLater(0ms, [&] { block(reactor(), 2ms); });
    reactor().callLater(0ms, [&] { done = true; });
    runUntil([&] { return done; });
    EXPECT_GE(reactor().health().lag.max(), 2ms);
    EXPECT_GE(reactor().health().turnTimes.max(), 2ms);
}

// pendingCalls and openTransports are those of the moment.
TEST_F(Health, saysWhatIsPendingAndOpen) {
    reactor().watchHealth(kQuiet);
    EXPECT_EQ(reactor().health().openTransports, 0U);
    DelayedCall call = reactor().callLater(1h, [] {});
    auto port = reactor().listenTcp(0, makeFactory<Silent>(), {.interface = "127.0.0.1"});
    EXPECT_EQ(reactor().health().pendingCalls, 1U);
    EXPECT_EQ(reactor().health().openTransports, 1U);
    call.cancel();
    EXPECT_EQ(reactor().health().pendingCalls, 0U);
}

// Watching again begins anew, also from a callback; not watching says so.
TEST_F(Health, beginsAnew) {
    EXPECT_THROW(static_cast<void>(reactor().health()), std::logic_error);
    reactor().watchHealth(kQuiet);
    turn(5);
    bool restarted = false;
    reactor().callLater(0ms, [&] {
        reactor().watchHealth({.slowCallback = 1h});
        restarted = true;
    });
    runUntil([&] { return restarted; });
    EXPECT_EQ(reactor().health().callbacks, 0U);
    EXPECT_LE(reactor().health().turns, 1U);
    reactor().callLater(0ms, [&] { reactor().ignoreHealth(); });
    turn();
    EXPECT_THROW(static_cast<void>(reactor().health()), std::logic_error);
    turn();
}

// Options that make no sense leave the health unwatched.
TEST_F(Health, refusesSenselessOptions) {
    EXPECT_THROW(reactor().watchHealth({.slowCallback = -1ms}), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(reactor().health()), std::logic_error);
}

// Only the reactor's thread may ask.
TEST_F(Health, refusesOtherThreads) {
    reactor().watchHealth(kQuiet);
    std::thread([&] {
        EXPECT_THROW(reactor().watchHealth(), WrongThread);
        EXPECT_THROW(reactor().ignoreHealth(), WrongThread);
        EXPECT_THROW(static_cast<void>(reactor().health()), WrongThread);
        EXPECT_THROW(static_cast<void>(reactor().dump()), WrongThread);
    }).join();
}

// A delayed call that is slow is logged with the place of its callLater().
TEST_F(Health, slowDelayedCallsAreLogged) {
    reactor().watchHealth({.slowCallback = 1ms});
    bool done = false;
    const auto slow = [&] {
        block(reactor(), 1ms);
        done = true;
    };
    const std::string place = nextLine();
    reactor().callLater(0ms, slow);
    runUntil([&] { return done; });
    turn();
    EXPECT_GE(reactor().health().slowCallbacks, 1U);
    EXPECT_GE(logged().count("the delayed call made at "), 1U) << logged().all();
    EXPECT_GE(logged().count(place), 1U) << logged().all();
    logged().clear();
}

/// Blocks when the connection is made.
class Blocking : public Protocol {
public:
    explicit Blocking(Reactor& reactor) : reactor_(&reactor) {}
    void connectionMade() override { block(*reactor_, 1ms); }

private:
    Reactor* reactor_;
};

// A transport's slow callback is logged with the place where the transport came from.
TEST_F(Health, slowTransportsAreLogged) {
    reactor().watchHealth({.slowCallback = 1ms});
    Reactor* const with = &reactor();
    const auto factory = makeFactory<Blocking>(std::ref(*with));
    const ListenOptions local{.interface = "127.0.0.1"};
    const std::string place = nextLine();
    auto port = reactor().listenTcp(0, factory, local);
    reactor().connectTcp(port->getHost(), makeFactory<Silent>());
    runUntil([&] { return port->connections() == 1; });
    EXPECT_GE(logged().count("a callback of the transport made at "), 1U) << logged().all();
    EXPECT_GE(logged().count(place), 1U) << logged().all();
    logged().clear();
}

// dump().

// It lists what is open and pending, with the places; a connection has the place of its port.
TEST_F(Health, dumpListsWhatThereIs) {
    const ListenOptions local{.interface = "127.0.0.1"};
    const std::string listened = nextLine();
    auto port = reactor().listenTcp(0, makeFactory<Silent>(), local);
    const std::string connected = nextLine();
    auto d = reactor().connectTcp(port->getHost(), makeFactory<Silent>());
    bool made = false;
    d.addCallback([&](Ref<IProtocol>) { made = true; });
    EXPECT_THAT(reactor().dump(), HasSubstr("an attempt to connect to 127.0.0.1:"));
    runUntil([&] { return made && port->connections() == 1; });
    const std::string later = nextLine();
    auto call = reactor().callLater(90s, [] {});
    const std::string deferred = nextLine();
    auto work = deferToThread(reactor(), [] {});
    const std::string text = reactor().dump();
    EXPECT_THAT(text, HasSubstr("health: not watched\n"));
    EXPECT_THAT(text, HasSubstr("open transports: 3\n"));
    EXPECT_THAT(text, HasSubstr("a port on 127.0.0.1:"));
    EXPECT_THAT(text, HasSubstr("with 1 connections, made at "));
    EXPECT_THAT(text, HasSubstr("a connection of 127.0.0.1:"));
    EXPECT_THAT(text, HasSubstr(", 0 bytes to be sent, made at "));
    EXPECT_THAT(text, HasSubstr(connected));
    // Once for the port, once for what it accepted.
    const std::size_t first = text.find(listened);
    ASSERT_NE(first, std::string::npos);
    EXPECT_NE(text.find(listened, first + 1), std::string::npos);
    EXPECT_THAT(text, HasSubstr("pending calls: 1\n    due in 90 s, made at "));
    EXPECT_THAT(text, HasSubstr(later));
    EXPECT_THAT(text, HasSubstr("threads: 0, 0 busy, 1 calls queued\n"));
    EXPECT_THAT(text, HasSubstr("calls in threads: 1\n    deferToThread(), made at "));
    EXPECT_THAT(text, HasSubstr(deferred));
    call.cancel();
}

// Each kind of transport says what it is, and where it was asked for.
TEST_F(Health, dumpNamesDatagramsAndUnixSockets) {
    const std::string name = "@marline-health-" + std::to_string(::getpid());
    const UdpOptions local{.interface = "127.0.0.1"};
    const std::string udp = nextLine();
    auto datagrams = reactor().listenUdp(0, makeRef<DatagramProtocol>(), local);
    const std::string unix = nextLine();
    auto port = reactor().listenUnix(name, makeFactory<Silent>());
    const std::string connected = nextLine();
    auto d = reactor().connectUnix(name, makeFactory<Silent>());
    bool made = false;
    d.addCallback([&](Ref<IProtocol>) { made = true; });
    runUntil([&] { return made && port->connections() == 1; });
    const std::string text = reactor().dump();
    EXPECT_THAT(text, HasSubstr("a UDP port on " + datagrams->getHost().toString() +
                                ", 0 datagrams to be sent, made at "));
    EXPECT_THAT(text, HasSubstr(udp));
    EXPECT_THAT(text, HasSubstr("a port on unix:" + name + " with 1 connections, made at "));
    EXPECT_THAT(text, HasSubstr(unix));
    EXPECT_THAT(text, HasSubstr(" with unix:" + name + ", 0 bytes to be sent, made at "));
    EXPECT_THAT(text, HasSubstr(connected));
}

// The places of what was adopted, and of pairs of descriptors, are known as well.
TEST_F(Health, dumpNamesAdoptedDescriptors) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    const UniqueFd near(pair[0]);
    UniqueFd far(pair[1]);
    const std::string adopted = nextLine();
    auto protocol = reactor().adoptStreamConnection(near.get(), makeFactory<Silent>());
    UniqueFd out(::dup(far.get()));
    const std::string numbers = std::to_string(far.get()) + " and " + std::to_string(out.get());
    const std::string streams = nextLine();
    connectDescriptors(reactor(), std::move(far), std::move(out), makeRef<Silent>());
    const std::string text = reactor().dump();
    EXPECT_THAT(text, HasSubstr(adopted));
    EXPECT_THAT(text, HasSubstr("a connection on the descriptors " + numbers +
                                ", 0 bytes to be sent, made at "));
    EXPECT_THAT(text, HasSubstr(streams));
}

// Children, their pipes, and what waits for changes of files are listed by what they are, and where
// they were asked for.
TEST_F(Health, dumpNamesChildrenAndFiles) {
    const auto child = makeRef<marline::testing::RecordingProcess>();
    const std::string spawned = nextLine();
    auto process = reactor().spawnProcess(child, "/bin/cat", {"cat"});
    const std::string watched = nextLine();
    Inotify files(reactor());
    files.watch("/", FileChange::MovedSelf, [](const FileEvent&) {});
    const std::string text = reactor().dump();
    const auto lists = [&](const std::string& what, const std::string& where) {
        const std::size_t at = text.find("    " + what + ", made at ");
        ASSERT_NE(at, std::string::npos) << what << " is not in:\n" << text;
        EXPECT_THAT(text.substr(at, text.find('\n', at) - at), EndsWith(where));
    };
    lists("the child process " + std::to_string(process->pid().value()), spawned);
    for (const char* pipe : {"0", "1", "2"}) {
        lists("a pipe to a child's descriptor " + std::string(pipe) + ", 0 bytes to be sent",
              spawned);
    }
    lists("an inotify descriptor with 1 paths", watched);
    reactor().watchHealth(kQuiet);
    process->closeStdin();
    runUntil([&] { return child->ended.has_value(); });
    // The ends of two pipes at least, and of the child.
    EXPECT_GE(reactor().health().callbacks, 3U);
}

// With the health watched it begins with that.
TEST_F(Health, dumpHasTheFigures) {
    reactor().watchHealth(kQuiet);
    turn(3);
    EXPECT_THAT(reactor().dump(), HasSubstr("health: busy "));
    EXPECT_THAT(reactor().dump(), HasSubstr(", 3 turns of 0 callbacks (p50 "));
    EXPECT_THAT(reactor().dump(), HasSubstr("), lag p50 0 ns, p99 0 ns, max 0 ns, 0 slow"));
}

// A long list is cut, and says so; the earliest calls come first.
TEST_F(Health, dumpCutsLongLists) {
    for (int i = 150; i > 0; --i) {
        reactor().callLater(std::chrono::hours(i), [] {});
    }
    const std::string text = reactor().dump();
    EXPECT_THAT(text, HasSubstr("pending calls: 150\n    due in 3.6e+03 s"));
    EXPECT_THAT(text, HasSubstr("    and 50 more\n"));
    EXPECT_THAT(text, Not(HasSubstr("and 51 more")));
}

// The signal wakes the reactor, which logs its dump, for as long as the health is watched.
TEST_F(Health, signalAsksForTheDump) {
    std::signal(SIGUSR1, SIG_IGN);
    reactor().watchHealth({.slowCallback = 0s, .dumpSignal = SIGUSR1});
    reactor().callWhenRunning([&] {
        std::raise(SIGUSR1);
        // Nothing is due for an hour: it is the signal that ends the waiting.
        reactor().callLater(1h, [] {});
    });
    const LogObserver before = setLogObserver(nullptr);
    static Reactor* running = nullptr;
    running = &reactor();
    static std::string dumped;
    dumped.clear();
    setLogObserver([](LogLevel level, std::string_view message) noexcept {
        if (level == LogLevel::Warning) {
            dumped = message;
            running->stop();
        }
    });
    run();
    setLogObserver(before);
    EXPECT_THAT(dumped, HasSubstr("pending calls: "));
    reactor().ignoreHealth();
    std::raise(SIGUSR1);
    turn();
    std::signal(SIGUSR1, SIG_DFL);
}

}  // namespace
