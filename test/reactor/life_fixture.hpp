// ReactorLifeTest: a reactor whose life is noted.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/reactor.hpp>

#include <test/support/reactor_fixture.hpp>
#include <test/support/recording_protocol.hpp>

namespace marline::testing {

/// Notes the events of a reactor in their order, and makes a connection on it.
class ReactorLifeTest : public ReactorFixture {
protected:
    /// Adds a trigger that calls `f`.
    template <class F>
    TriggerId on(Phase phase, SystemEvent event, F f) {
        return reactor().addSystemEventTrigger(phase, event, [f = std::move(f)]() mutable {
            f();
            return succeed();
        });
    }
    /// Adds a trigger that notes `what`.
    TriggerId noteOn(Phase phase, SystemEvent event, std::string what) {
        return on(phase, event, [this, what = std::move(what)] { order.push_back(what); });
    }
    /// run(), stopped as soon as it runs.
    void runOnce() {
        reactor().callWhenRunning([this] { reactor().stop(); });
        run();
    }
    /// Two ends of a TCP connection on loopback.
    void connect() {
        port = reactor().listenTcp(0, factory, {.interface = "127.0.0.1"});
        reactor().connectTcp(port->getHost(), factory).addErrback([](const Failure& why) {
            ADD_FAILURE() << why.message();
            return Ref<IProtocol>();
        });
        runUntil([this] {
            return factory->built.size() == 2 && factory->built[0]->made == 1 &&
                   factory->built[1]->made == 1;
        });
    }

    std::vector<std::string> order;
    Ref<RecordingFactory> factory = makeRef<RecordingFactory>();
    Ref<IListeningPort> port;
};

}  // namespace marline::testing
