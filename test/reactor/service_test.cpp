// Services and what is made of several: area V.
#include <marline/reactor/service.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/support/running.hpp"

namespace {

using namespace marline;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

using Journal = std::vector<std::string>;

/// Writes into a journal what it is told to do; its stop waits, fails or is done at once.
class Noted final : public Service {
public:
    Noted(Journal& journal, std::string label) : journal_(journal), label_(std::move(label)) {}

    void privilegedStartService() override { journal_.push_back("privileged " + label_); }
    void startService() override {
        Service::startService();
        journal_.push_back("start " + label_);
    }
    Deferred<> stopService() override {
        Deferred<> own = Service::stopService();
        journal_.push_back("stop " + label_);
        if (error) {
            throw std::runtime_error(*error);
        }
        return pending ? pending->deferred() : own;
    }

    std::optional<DeferredSource<>> pending;
    std::optional<std::string> error;

private:
    Journal& journal_;
    std::string label_;
};

class Services : public ::testing::Test {
protected:
    Ref<Noted> add(const std::string& label) {
        auto child = makeRef<Noted>(journal, label);
        parent->addService(child);
        return child;
    }

    Journal journal;
    Ref<MultiService> parent = makeRef<MultiService>();
};

// V-16: children start in the order they were added, and stop the other way round.
TEST_F(Services, startsInOrderAndStopsInReverse) {
    const auto a = add("a");
    const auto b = add("b");
    EXPECT_FALSE(a->running());
    parent->privilegedStartService();
    parent->startService();
    EXPECT_TRUE(parent->running() && a->running() && b->running());
    bool stopped = false;
    parent->stopService().addCallback([&] { stopped = true; });
    EXPECT_TRUE(stopped);
    EXPECT_FALSE(parent->running() || a->running() || b->running());
    EXPECT_THAT(journal, ElementsAre("privileged a", "privileged b", "start a", "start b", "stop b",
                                     "stop a"));
}

// V-16: the stop of a parent is over when that of every child is.
TEST_F(Services, stopWaitsForEveryChild) {
    const auto a = add("a");
    const auto b = add("b");
    a->pending.emplace();
    b->pending.emplace();
    parent->startService();
    bool stopped = false;
    parent->stopService().addCallback([&] { stopped = true; });
    a->pending->callback();
    EXPECT_FALSE(stopped);
    b->pending->callback();
    EXPECT_TRUE(stopped);
}

// V-16: a child added to a parent that runs is started, and one taken from it is stopped.
TEST_F(Services, aRunningParentStartsAndStopsWhatComesAndGoes) {
    parent->startService();
    const auto late = add("late");
    EXPECT_EQ(late->parent(), parent.get());
    late->pending.emplace();
    bool stopped = false;
    late->disownServiceParent().addCallback([&] { stopped = true; });
    EXPECT_FALSE(stopped);
    late->pending->callback();
    EXPECT_TRUE(stopped);
    EXPECT_EQ(late->parent(), nullptr);
    EXPECT_THAT(parent->services(), SizeIs(0));
    EXPECT_THAT(journal, ElementsAre("privileged late", "start late", "stop late"));
}

// V-16: a child is found by its name, which no other one may have, and which stays the same.
TEST_F(Services, namesAreUnique) {
    const auto web = makeRef<Noted>(journal, "1");
    web->setName("web");
    web->setServiceParent(*parent);
    EXPECT_EQ(parent->getServiceNamed("web").get(), web.get());
    EXPECT_FALSE(parent->getServiceNamed("mail"));
    auto other = makeRef<Noted>(journal, "2");
    other->setName("web");
    EXPECT_THROW(parent->addService(other), std::logic_error);
    EXPECT_THROW(web->setName("mail"), std::logic_error);
    EXPECT_THAT(parent->services(), SizeIs(1));
}

// A service has one place in the tree, and cannot be above itself.
TEST_F(Services, aServiceHasOneParent) {
    const auto child = makeRef<MultiService>();
    parent->addService(child);
    EXPECT_THROW(makeRef<MultiService>()->addService(child), std::logic_error);
    EXPECT_THROW(child->addService(parent), std::logic_error);
    EXPECT_THROW(parent->addService(parent), std::logic_error);
    EXPECT_THROW(parent->addService({}), std::logic_error);
    EXPECT_THROW(child->removeService(*parent), std::logic_error);
    EXPECT_THROW(parent->disownServiceParent(), std::logic_error);
    parent.reset();
    EXPECT_EQ(child->parent(), nullptr) << "a child outlives its parent";
}

// A stop that fails neither keeps the others from stopping nor gets lost.
TEST_F(Services, aFailingStopIsReportedAfterAllStopped) {
    const auto a = add("a");
    const auto b = add("b");
    a->error = "a is stuck";
    b->error = "b is stuck";
    parent->startService();
    test::CatchLog logged;
    std::string why;
    parent->stopService().addErrback([&](const Failure& failure) { why = failure.message(); });
    EXPECT_EQ(why, "b is stuck");
    EXPECT_THAT(logged.take(), ElementsAre(HasSubstr("a is stuck")));
    EXPECT_FALSE(a->running() || b->running());
}

// An application starts when the reactor runs, and its end is waited for.
TEST_F(Services, anApplicationLivesWithItsReactor) {
    Reactor reactor;
    const auto a = add("a");
    a->pending.emplace();
    startApplication(reactor, parent);
    EXPECT_THAT(journal, ElementsAre("privileged a"));
    bool ended = false;
    reactor.callWhenRunning([&] {
        EXPECT_TRUE(a->running());
        reactor.stop();
        reactor.callLater(std::chrono::milliseconds(1), [&] {
            ended = true;
            a->pending->callback();
        });
    });
    reactor.run();
    EXPECT_TRUE(ended);
    EXPECT_FALSE(a->running());
}

}  // namespace
