// StreamServerEndpointService: V-14.
#include <marline/reactor/server_service.hpp>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Listens when the test says so.
class SlowEndpoint final : public IStreamServerEndpoint {
public:
    Deferred<Ref<IListeningPort>> listen(Ref<IProtocolFactory>) override {
        ++asked;
        source = obeys ? DeferredSource<Ref<IListeningPort>>()
                       : DeferredSource<Ref<IListeningPort>>(
                             [](Deferred<Ref<IListeningPort>> d) { d.callback(lastMoment); });
        return source.deferred();
    }

    int asked = 0;
    bool obeys = true;
    DeferredSource<Ref<IListeningPort>> source;
    static inline Ref<IListeningPort> lastMoment;
};

class FakePort final : public IListeningPort {
public:
    const Address& getHost() const noexcept override { return address; }
    std::size_t connections() const noexcept override { return 0; }
    Deferred<> stopListening() override {
        ++stops;
        return stopFails ? fail(Error("doStop failed")) : succeed();
    }

    Address address;
    int stops = 0;
    bool stopFails = false;
};

class ServerService : public ::testing::Test {
protected:
    ~ServerService() override { SlowEndpoint::lastMoment.reset(); }

    Ref<SlowEndpoint> endpoint = makeRef<SlowEndpoint>();
    Ref<StreamServerEndpointService> service =
        makeRef<StreamServerEndpointService>(endpoint, recorderFactory(std::make_shared<Record>()));
    test::CatchLog logged;
};

// V-14: the privileged start listens, and the start does not listen again.
TEST_F(ServerService, listensOnceAtThePrivilegedStart) {
    service->privilegedStartService();
    EXPECT_EQ(endpoint->asked, 1);
    EXPECT_FALSE(service->running());
    service->startService();
    EXPECT_EQ(endpoint->asked, 1);
    EXPECT_TRUE(service->running());
    const auto port = makeRef<FakePort>();
    endpoint->source.callback(port);
    EXPECT_EQ(service->port().get(), port.get());
}

// V-14: a stop stops listening, and what that fails with is the caller's.
TEST_F(ServerService, stopStopsListening) {
    const auto port = makeRef<FakePort>();
    port->stopFails = true;
    service->startService();
    endpoint->source.callback(port);
    std::string why;
    service->stopService().addErrback([&](const Failure& f) { why = f.message(); });
    EXPECT_EQ(port->stops, 1);
    EXPECT_EQ(why, "doStop failed");
    EXPECT_FALSE(service->port());
    service->startService();
    EXPECT_EQ(endpoint->asked, 2) << "it can be started again";
}

// V-14: a listen under way is cancelled by the stop, which is not worth a line in the log.
TEST_F(ServerService, stopCancelsAnUnfinishedListen) {
    service->startService();
    bool stopped = false;
    service->stopService().addCallback([&] { stopped = true; });
    EXPECT_TRUE(stopped);
    EXPECT_FALSE(endpoint->source.pending());
    EXPECT_THAT(logged.take(), IsEmpty());
}

// A port that comes at the last moment all the same is stopped.
TEST_F(ServerService, aPortAtTheLastMomentIsStopped) {
    const auto port = makeRef<FakePort>();
    SlowEndpoint::lastMoment = port;
    endpoint->obeys = false;
    service->startService();
    bool stopped = false;
    service->stopService().addCallback([&] { stopped = true; });
    EXPECT_TRUE(stopped);
    EXPECT_EQ(port->stops, 1);
    EXPECT_FALSE(service->port());
}

// V-14: why it cannot listen is logged; the service can be stopped and started again.
TEST_F(ServerService, failuresToListenAreLogged) {
    service->startService();
    endpoint->source.errback(
        CannotListenError("cannot listen on *:80", {EACCES, std::generic_category()}));
    EXPECT_THAT(logged.take(), ElementsAre(HasSubstr("cannot listen on *:80")));
    EXPECT_FALSE(service->port());
    bool stopped = false;
    service->stopService().addCallback([&] { stopped = true; });
    EXPECT_TRUE(stopped);
    service->startService();
    EXPECT_EQ(endpoint->asked, 2);
}

// Stopping one that never started is done at once.
TEST_F(ServerService, stoppingWithoutAStartIsDone) {
    bool stopped = false;
    service->stopService().addCallback([&] { stopped = true; });
    EXPECT_TRUE(stopped);
}

// E-7: the TCP endpoint gives the port, or a failed Deferred when there is none to be had.
TEST_F(ServerService, realPortsAreListenedOnAndGivenBack) {
    Reactor reactor;
    const auto factory = recorderFactory(std::make_shared<Record>());
    TcpServerEndpoint any(reactor, 0, {.interface = "127.0.0.1"});
    const auto first = outcomeOf(reactor, any.listen(factory));
    ASSERT_TRUE(first.ok());
    const std::uint16_t number = first.value()->getHost().port;
    const auto same =
        makeRef<TcpServerEndpoint>(reactor, number, ListenOptions{.interface = "127.0.0.1"});
    const auto second = outcomeOf(reactor, same->listen(factory));
    ASSERT_FALSE(second.ok());
    EXPECT_NE(second.failure().check<CannotListenError>(), nullptr);
    EXPECT_THAT(second.failure().message(), HasSubstr("127.0.0.1:" + std::to_string(number)));
    EXPECT_TRUE(outcomeOf(reactor, first.value()->stopListening()).ok());
    const auto real = makeRef<StreamServerEndpointService>(same, factory);
    real->startService();
    ASSERT_TRUE(real->port());
    EXPECT_TRUE(outcomeOf(reactor, real->stopService()).ok());
    EXPECT_TRUE(outcomeOf(reactor, same->listen(factory)).ok());
}

}  // namespace
