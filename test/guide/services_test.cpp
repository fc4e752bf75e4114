// The snippets of docs/howto/services.md, and what the page says of them.
#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/reactor/client_service.hpp>
#include <marline/reactor/endpoint_strings.hpp>
#include <marline/reactor/server_service.hpp>
#include <marline/reactor/service.hpp>

#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <marline/reactor/timer_service.hpp>

#include "test/support/running.hpp"

using namespace marline;
using namespace std::chrono_literals;

namespace {

struct Config {
    std::string listen = "tcp:0:interface=127.0.0.1";
    std::string backend;
};

// The application starts with the reactor, serves, and has stopped when run() returns.
TEST(GuideServices, anApplication) {
    const auto site = test::recorderFactory(std::make_shared<test::Record>());
    const auto factory = makeFactory<Protocol>();
    const auto database = std::make_shared<test::Record>();
    Config config;
    Reactor reactor;
    auto application = makeRef<MultiService>();

    const auto backendPort =
        reactor.listenTcp(0, test::recorderFactory(database), {.interface = "127.0.0.1"});
    config.backend = "tcp:127.0.0.1:" + std::to_string(backendPort->getHost().port);

    auto web = makeRef<StreamServerEndpointService>(serverFromString(reactor, config.listen), site);
    web->setName("web");
    application->addService(web);

    auto backend =
        makeRef<ClientService>(reactor, clientFromString(reactor, config.backend), factory);
    application->addService(backend);

    startApplication(reactor, application);  // privileged start now, start with the reactor

    EXPECT_TRUE(web->port());
    EXPECT_FALSE(application->running());
    bool ran = false;
    database->onMade = [&](ITransport&) {
        ran = application->running() && backend->running();
        reactor.stop();
    };
    reactor.run();  // stops the application in its shutdown, and waits

    EXPECT_TRUE(ran);
    EXPECT_FALSE(application->running());
    EXPECT_FALSE(web->port());
    EXPECT_EQ(application->getServiceNamed("web").get(), web.get());
}

/// Refuses some times, then connects to nothing.
class Reluctant : public IStreamClientEndpoint {
public:
    explicit Reluctant(int refusals) : refusals_(refusals) {}
    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        if (refusals_-- > 0) {
            return fail<Ref<IProtocol>>(ConnectionRefusedError("not yet"));
        }
        made = factory->buildProtocol({});
        made->makeConnection(transport_);
        return succeed(made);
    }

    Ref<IProtocol> made;

private:
    int refusals_;
    marline::testing::StringTransport transport_;
};

// The connection is prepared, then given to who waits; whoever counts failures hears of them.
TEST(GuideServices, aConnectionThatIsKeptUp) {
    marline::testing::Clock reactor;
    const auto endpoint = makeRef<Reluctant>(4);
    const auto factory = makeFactory<Protocol>();
    int loggedIn = 0, used = 0, complaints = 0;
    const auto logIn = [&](const Ref<IProtocol>&) {
        ++loggedIn;
        return succeed();
    };
    const auto use = [&](const Ref<IProtocol>&) { used += loggedIn; };
    const auto complain = [&](const Failure& why) {
        complaints += why.check<ConnectionRefusedError>() != nullptr ? 1 : 0;
    };
    auto service = makeRef<ClientService>(
        reactor, endpoint, factory,
        ClientServiceOptions{
            .retryPolicy = backoffPolicy({.initialDelay = 100ms, .maxDelay = 10s}),
            .prepareConnection = [&](const Ref<IProtocol>& protocol) { return logIn(protocol); },
        });
    service->startService();
    service->whenConnected().addCallback([&](const Ref<IProtocol>& protocol) { use(protocol); });
    service->whenConnected(3).addCallbacks(use, complain);  // complains after three failures
    reactor.pump({2s, 2s, 2s});
    EXPECT_EQ(complaints, 1);
    EXPECT_EQ(used, 0);
    reactor.advance(2s);
    EXPECT_EQ(used, 1);
    bool stopped = false;
    service->stopService().addCallback([&] { stopped = true; });
    EXPECT_FALSE(stopped);
    endpoint->made->connectionLost(Failure(ConnectionDone()));
    EXPECT_TRUE(stopped);
    bool cancelled = false;
    service->whenConnected().addCallbacks(
        use, [&](const Failure& why) { cancelled = why.check<CancelledError>() != nullptr; });
    EXPECT_TRUE(cancelled);
}

// A sweep a minute, the first at the start.
TEST(GuideServices, timer) {
    marline::testing::Clock reactor;
    int sweeps = 0;
    const auto sweep = [&] {
        ++sweeps;
        return succeed();
    };
    const auto application = makeRef<MultiService>();
    application->startService();
    application->addService(makeRef<TimerService>(reactor, 60s, [&] { return sweep(); }));
    EXPECT_EQ(sweeps, 1);
    reactor.advance(60s);
    EXPECT_EQ(sweeps, 2);
    application->stopService();
    reactor.advance(60s);
    EXPECT_EQ(sweeps, 2);
}

}  // namespace
