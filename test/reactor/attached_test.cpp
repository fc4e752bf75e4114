// A reactor on an event_base that belongs to the program.
#include <marline/reactor/reactor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <event2/event.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/datagram.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/looping_call.hpp>
#include <marline/reactor/thread_pool.hpp>
#include <marline/reactor/threads.hpp>

#include "test/support/deferred_outcome.hpp"
#include "test/support/recording_protocol.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct FreeBase {
    void operator()(event_base* base) const { event_base_free(base); }
};
struct FreeConfig {
    void operator()(event_config* config) const { event_config_free(config); }
};

/// An event of the program's own, which the reactor knows nothing of.
class OwnEvent {
public:
    OwnEvent(event_base* base, Duration after, std::function<void()> call)
        : call_(std::move(call)),
          event_(event_new(
              base, -1, 0,
              [](evutil_socket_t, short, void* self) { static_cast<OwnEvent*>(self)->call_(); },
              this)) {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(after);
        const timeval when{.tv_sec = seconds.count(), .tv_usec = (after - seconds) / 1us};
        event_add(event_, &when);
    }
    OwnEvent(const OwnEvent&) = delete;
    OwnEvent& operator=(const OwnEvent&) = delete;
    ~OwnEvent() { event_free(event_); }

private:
    std::function<void()> call_;
    event* event_;
};

class AttachedTest : public ::testing::Test {
protected:
    AttachedTest() : base(event_base_new()), reactor(std::in_place, base.get()) {}

    /// The program's own loop, until leave(); a test that takes longer than 10 s fails.
    void dispatch() {
        const OwnEvent guard(base.get(), 10s, [this] {
            ADD_FAILURE() << "what the test waits for did not happen within 10 s";
            leave();
        });
        event_base_dispatch(base.get());
    }
    void leave() { event_base_loopbreak(base.get()); }

    std::unique_ptr<event_base, FreeBase> base;
    std::optional<Reactor> reactor;
};

// The program's events and the reactor's are served by the reactor's run(), on one loop.
TEST_F(AttachedTest, runServesTheProgramsEvents) {
    EXPECT_EQ(reactor->eventBase(), base.get());
    const OwnEvent own(base.get(), 1ms, [&] {
        EXPECT_TRUE(reactor->running());
        reactor->callLater(1ms, [&] { reactor->stop(); });
    });
    reactor->run();
    EXPECT_EQ(reactor->pendingCalls(), 0U);
}

// In the program's own loop calls are made in time and in order, and can be moved.
TEST_F(AttachedTest, makesCallsInTheProgramsLoop) {
    std::string ran;
    DelayedCall moved = reactor->callLater(1h, [&] {
        ran += 'c';
        leave();
    });
    reactor->callLater(2ms, [&] {
        ran += 'b';
        EXPECT_FALSE(reactor->running());
        moved.reset(1ms);
    });
    reactor->callLater(0ms, [&] { ran += 'a'; });
    EXPECT_EQ(ran, "");
    dispatch();
    EXPECT_EQ(ran, "abc");
}

// T-3: there too a call that adds another one for now does not keep the loop from other work.
TEST_F(AttachedTest, callsDoNotStarveTheProgram) {
    LoopingCall loop(*reactor, [] {});
    Outcome<> end(loop.start(0s));
    const OwnEvent own(base.get(), 1ms, [this] { leave(); });
    dispatch();
    EXPECT_TRUE(loop.running());
    loop.stop();
}

// Calls from other threads wake it.
TEST_F(AttachedTest, threadsWakeTheProgramsLoop) {
    std::thread other;
    reactor->callLater(0ms, [&] {
        other = std::thread(
            [&] { reactor->callFromThread([&] { reactor->callFromThread([&] { leave(); }); }); });
    });
    dispatch();
    other.join();
}

// Connections are made, carry bytes both ways, and end.
TEST_F(AttachedTest, servesConnectionsInTheProgramsLoop) {
    const auto server = makeRef<RecordingFactory>(echo);
    const auto client = makeRef<RecordingFactory>([&](RecordingProtocol& protocol) {
        protocol.onMade = [](RecordingProtocol& self) { self.transport->write("hello"); };
        protocol.onData = [](RecordingProtocol& self, std::string_view) {
            if (self.received.size() == 5) {
                self.transport->loseConnection();
            }
        };
        protocol.onLost = [&](RecordingProtocol&) { leave(); };
    });
    auto port = reactor->listenTcp(0, server, {.interface = "127.0.0.1"});
    Outcome<Ref<IProtocol>> made(reactor->connectTcp(port->getHost(), client));
    dispatch();
    ASSERT_TRUE(made.ok()) << made.message();
    EXPECT_EQ(client->built[0]->received, "hello");
    EXPECT_TRUE(client->built[0]->lostWith<ConnectionDone>());
}

// What connects and is refused fails in the program's loop as well, and so does what takes too
// long.
TEST_F(AttachedTest, failsConnectionsInTheProgramsLoop) {
    auto port = reactor->listenTcp(0, makeRef<RecordingFactory>(), {.interface = "127.0.0.1"});
    const Address gone = port->getHost();
    port->stopListening();
    reactor->iterate();
    Outcome<Ref<IProtocol>> refused(
        reactor->connectTcp(gone, makeRef<RecordingFactory>())
            .addErrback([&](const Failure& why) -> Result<Ref<IProtocol>> {
                leave();
                return why;
            }));
    dispatch();
    EXPECT_NE(refused.failed<ConnectionRefusedError>(), nullptr) << refused.message();
}

// iterate() and run() may come between two runs of the program's own.
TEST_F(AttachedTest, bothMayTakeTurns) {
    int calls = 0;
    reactor->callLater(0ms, [&] { ++calls; });
    reactor->iterate();
    EXPECT_EQ(calls, 1);
    reactor->callLater(0ms, [&] { leave(); });
    dispatch();
    reactor->callLater(0ms, [&] { reactor->stop(); });
    reactor->run();
    reactor->callLater(0ms, [&] { leave(); });
    dispatch();
    EXPECT_EQ(reactor->pendingCalls(), 0U);
}

// What came up inside of iterate() and run() is not lost on the program's loop that follows.
TEST_F(AttachedTest, whatIterateAndRunLeaveIsServed) {
    const auto again = [this] { reactor->callLater(1ms, [this] { leave(); }); };
    reactor->callLater(0ms, again);
    reactor->iterate();
    dispatch();
    reactor->callLater(0ms, [this, again] {
        again();
        reactor->stop();
    });
    reactor->run();
    dispatch();
    reactor->callLater(0ms, [this] { reactor->callFromThread([this] { leave(); }); });
    reactor->iterate();
    dispatch();
    EXPECT_EQ(reactor->pendingCalls(), 0U);
}

// A loop cannot be run inside of itself: that is told, and the reactor is none the worse.
TEST_F(AttachedTest, cannotRunInsideOfTheProgramsLoop) {
    event_set_log_callback([](int, const char*) {});  // libevent warns of it, too
    const OwnEvent own(base.get(), 0s, [&] {
        EXPECT_THROW(reactor->run(), ReactorAlreadyRunning);
        EXPECT_THROW(reactor->iterate(), ReactorAlreadyRunning);
        EXPECT_FALSE(reactor->running());
        leave();
    });
    dispatch();
    event_set_log_callback(nullptr);
    reactor->callLater(0ms, [&] {
        EXPECT_THROW(reactor->run(), ReactorAlreadyRunning);
        leave();
    });
    dispatch();
    reactor->callWhenRunning([&] { reactor->stop(); });
    reactor->run();
}

// When the reactor goes its connections end, and the program's loop is what it was before.
TEST_F(AttachedTest, leavesTheProgramsLoopAlone) {
    const auto factory = makeRef<RecordingFactory>();
    auto port = reactor->listenTcp(0, factory, {.interface = "127.0.0.1"});
    reactor->callLater(1h, [] {});
    Outcome<Ref<IProtocol>> made(reactor->connectTcp(port->getHost(), factory));
    port = nullptr;
    reactor.reset();
    EXPECT_NE(made.failed<ConnectionLost>(), nullptr) << made.message();
    EXPECT_EQ(event_base_get_num_events(base.get(), EVENT_BASE_COUNT_ADDED), 0);
    EXPECT_EQ(event_base_loop(base.get(), EVLOOP_NONBLOCK), 1) << "nothing is left to do";
    reactor.emplace(base.get());
    reactor->callLater(0ms, [&] { leave(); });
    dispatch();
}

// Health is counted in the program's own loop too: a callback that needs no turn gets one, and the
// program's waiting is not the reactor's work.
TEST_F(AttachedTest, countsHealthInTheProgramsLoop) {
    auto port = reactor->listenUdp(0, makeRef<DatagramProtocol>(), {.interface = "127.0.0.1"});
    reactor->watchHealth({.slowCallback = 0s});
    while (event_base_loop(base.get(), EVLOOP_NONBLOCK) == 0 && reactor->health().turns == 0) {
        reactor->callFromThread([] {});
    }
    const HealthReport before = reactor->health();
    const detail::UniqueFd sender(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    detail::SocketAddress to;
    ASSERT_TRUE(detail::SocketAddress::parse("127.0.0.1", port->getHost().port, to));
    ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, to.get(), to.length), 1);
    const OwnEvent guard(base.get(), 10s, [] { FAIL() << "the datagram led to no turn"; });
    while (!HasFailure() && reactor->health().turns == before.turns) {
        event_base_loop(base.get(), EVLOOP_ONCE);
    }
    const HealthReport after = reactor->health();
    EXPECT_EQ(after.callbacks, before.callbacks + 1);
    EXPECT_GT(after.busy, before.busy);
    const OwnEvent later(base.get(), 5ms, [this] { leave(); });
    event_base_dispatch(base.get());
    EXPECT_EQ(reactor->health().busy, after.busy);
}

// blockingCallFromThread() and deferToThread() work in the program's own loop.
TEST_F(AttachedTest, servesThreadsInTheProgramsLoop) {
    reactor->threadPool().start();
    int answer = 0;
    deferToThread(*reactor, [this] {
        return blockingCallFromThread(*reactor, [] { return succeed(41); }) + 1;
    }).addCallback([&](int value) {
        answer = value;
        leave();
    });
    dispatch();
    EXPECT_EQ(answer, 42);
}

// Two reactors may share a loop.
TEST_F(AttachedTest, twoShareALoop) {
    Reactor second(base.get());
    int calls = 0;
    const auto count = [&] {
        if (++calls == 2) {
            leave();
        }
    };
    reactor->callLater(1ms, count);
    second.callLater(1ms, count);
    dispatch();
    EXPECT_EQ(calls, 2);
}

// A loop that cannot serve is refused, with the reason.
TEST_F(AttachedTest, refusesLoopsThatCannotServe) {
    EXPECT_THROW(Reactor(nullptr), std::invalid_argument);
    const std::unique_ptr<event_config, FreeConfig> config(event_config_new());
    event_config_avoid_method(config.get(), "epoll");
    const std::unique_ptr<event_base, FreeBase> slow(event_base_new_with_config(config.get()));
    ASSERT_NE(slow, nullptr);
    try {
        Reactor refused(slow.get());
        FAIL() << "it was taken";
    } catch (const std::invalid_argument& error) {
        EXPECT_THAT(error.what(), HasSubstr("edge-triggered"));
    }
}

}  // namespace
}  // namespace marline::testing
