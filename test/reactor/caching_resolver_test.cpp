// CachingResolver: what is remembered, for how long, and who waits for what.
#include <marline/reactor/caching_resolver.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>

#include "test/support/unhandled.hpp"

namespace {

using namespace marline;
using namespace std::chrono_literals;
using marline::testing::Clock;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Addresses = std::vector<Address>;

Address v4(const std::string& host, std::uint16_t port) {
    return {Address::Kind::Ipv4, port, host};
}

/// Answers when the test says so.
class AskedResolver final : public IResolver {
public:
    struct Asked {
        std::string name;
        std::uint16_t port;
        DeferredSource<ResolvedAddresses> source;
    };

    Deferred<Addresses> resolve(const std::string& name, std::uint16_t port) override {
        return resolveWithTtl(name, port).addCallback([](ResolvedAddresses found) {
            return std::move(found.addresses);
        });
    }
    Deferred<ResolvedAddresses> resolveWithTtl(const std::string& name,
                                               std::uint16_t port) override {
        if (throws) {
            throw std::runtime_error("no resolver today");
        }
        asked.push_back(
            {name, port, DeferredSource<ResolvedAddresses>([this](Deferred<ResolvedAddresses> d) {
                 ++cancelled;
                 if (stubborn) {
                     d.callback(ResolvedAddresses{{v4("192.0.2.99", 0)}, 60s});
                 }
             })});
        return asked.back().source.deferred();
    }
    void answer(const std::string& host, std::optional<Duration> ttl = 60s) {
        asked.back().source.callback(ResolvedAddresses{{v4(host, asked.back().port)}, ttl});
    }

    std::vector<Asked> asked;
    int cancelled = 0;
    bool stubborn = false;
    bool throws = false;
};

/// What one who asked has got.
struct Answer {
    explicit Answer(Deferred<Addresses> d) : deferred(d) {
        d.addBoth([to = outcome](Result<Addresses> result) { to->emplace(std::move(result)); });
    }
    bool pending() const { return !outcome->has_value(); }
    const Addresses& addresses() const { return (*outcome)->value(); }
    template <class E>
    bool failedWith() const {
        return !pending() && !(*outcome)->ok() && (*outcome)->failure().check<E>() != nullptr;
    }

    Deferred<Addresses> deferred;
    std::shared_ptr<std::optional<Result<Addresses>>> outcome =
        std::make_shared<std::optional<Result<Addresses>>>();
};

class Caching : public ::testing::Test {
protected:
    void make(CachingResolverOptions options) {
        cache = makeRef<CachingResolver>(clock, resolver, options);
    }
    Answer ask(const std::string& name, std::uint16_t port = 80) {
        return Answer(cache->resolve(name, port));
    }
    void known(const std::string& name) {
        const Answer answer = ask(name);
        resolver->answer("192.0.2.1");
        ASSERT_FALSE(answer.pending());
    }

    Clock clock;
    Ref<AskedResolver> resolver = makeRef<AskedResolver>();
    Ref<CachingResolver> cache = makeRef<CachingResolver>(clock, resolver);
};

// An answer is kept for its TTL, and not longer.
TEST_F(Caching, keepsAnswersForTheirTtl) {
    known("site.test");
    clock.advance(60s - 1ns);
    EXPECT_THAT(ask("site.test").addresses(), ElementsAre(v4("192.0.2.1", 80)));
    EXPECT_THAT(resolver->asked, SizeIs(1));
    clock.advance(1ns);
    EXPECT_TRUE(ask("site.test").pending());
    EXPECT_THAT(resolver->asked, SizeIs(2));
}

// Each asker has the port that it asked for, and letters count the same in either case.
TEST_F(Caching, onePortAndOneCaseAreAsGoodAsAnother) {
    known("Site.TEST");
    EXPECT_THAT(ask("sITE.test", 443).addresses(), ElementsAre(v4("192.0.2.1", 443)));
    EXPECT_TRUE(ask("site.test2").pending());
    EXPECT_TRUE(ask("site.tes").pending());
}

// CachingResolverOptions::maxTtl: a TTL of years is not believed; ::ttl: the one of those without.
TEST_F(Caching, ttlIsBounded) {
    make({.maxTtl = 10s, .ttl = 3s});
    ask("years.test");
    resolver->answer("192.0.2.1", 100000h);
    ask("silent.test");
    resolver->answer("192.0.2.2", std::nullopt);
    clock.advance(3s);
    EXPECT_TRUE(ask("silent.test").pending());
    EXPECT_FALSE(ask("years.test").pending());
    clock.advance(7s);
    EXPECT_TRUE(ask("years.test").pending());
}

// A TTL of zero means not to keep it.
TEST_F(Caching, zeroTtlIsNotKept) {
    const Answer first = ask("site.test");
    resolver->answer("192.0.2.1", 0s);
    EXPECT_THAT(first.addresses(), SizeIs(1));
    EXPECT_TRUE(ask("site.test").pending());
    EXPECT_EQ(cache->size(), 0U);
}

// CachingResolverOptions::negativeTtl: that there is no such name is kept for a short time.
TEST_F(Caching, keepsThatThereIsNoSuchName) {
    make({.negativeTtl = 5s});
    const Answer first = ask("nowhere.test");
    resolver->asked.back().source.errback(DNSNameError("no such name"));
    EXPECT_TRUE(first.failedWith<DNSNameError>());
    clock.advance(4s);
    EXPECT_TRUE(ask("nowhere.test").failedWith<DNSNameError>());
    clock.advance(1s);
    EXPECT_TRUE(ask("nowhere.test").pending());
}

// A server that fails may be well again at the next question.
TEST_F(Caching, otherErrorsAreNotKept) {
    const Answer first = ask("site.test");
    resolver->asked.back().source.errback(DNSServerError("SERVFAIL"));
    EXPECT_TRUE(first.failedWith<DNSServerError>());
    EXPECT_TRUE(ask("site.test").pending());
    resolver->throws = true;
    EXPECT_TRUE(ask("other.test").failedWith<std::runtime_error>());
    resolver->throws = false;
    EXPECT_TRUE(ask("other.test").pending());
}

// CachingResolverOptions::maxNames: the name that was not asked for the longest makes room.
TEST_F(Caching, forgetsTheLeastRecentlyAsked) {
    make({.maxNames = 2});
    known("a.test");
    known("b.test");
    EXPECT_FALSE(ask("a.test").pending());
    known("c.test");
    EXPECT_EQ(cache->size(), 2U);
    EXPECT_FALSE(ask("a.test").pending());
    EXPECT_FALSE(ask("c.test").pending());
    EXPECT_TRUE(ask("b.test").pending());
}

// maxNames 0 keeps nothing; clear() forgets everything.
TEST_F(Caching, canKeepNothingAndForget) {
    known("a.test");
    cache->clear();
    EXPECT_EQ(cache->size(), 0U);
    EXPECT_TRUE(ask("a.test").pending());
    make({.maxNames = 0});
    known("b.test");
    EXPECT_TRUE(ask("b.test").pending());
}

// The same question while it is under way is one question, whose answer all get.
TEST_F(Caching, equalQuestionsAreOne) {
    const Answer first = ask("site.test", 80);
    const Answer second = ask("SITE.test", 443);
    EXPECT_THAT(resolver->asked, SizeIs(1));
    resolver->answer("192.0.2.1");
    EXPECT_THAT(first.addresses(), ElementsAre(v4("192.0.2.1", 80)));
    EXPECT_THAT(second.addresses(), ElementsAre(v4("192.0.2.1", 443)));
}

// Who cancels leaves the others alone.
TEST_F(Caching, cancellingLeavesTheOthersAlone) {
    Answer first = ask("site.test");
    const Answer second = ask("site.test");
    first.deferred.cancel();
    EXPECT_TRUE(first.failedWith<CancelledError>());
    EXPECT_EQ(resolver->cancelled, 0);
    EXPECT_TRUE(second.pending());
    resolver->answer("192.0.2.1");
    EXPECT_THAT(second.addresses(), SizeIs(1));
}

// When nobody is left the question is cancelled, and asked anew by the next one.
TEST_F(Caching, theLastOneEndsTheQuestion) {
    Answer first = ask("site.test");
    Answer second = ask("site.test");
    second.deferred.cancel();
    first.deferred.cancel();
    EXPECT_EQ(resolver->cancelled, 1);
    const Answer third = ask("site.test");
    EXPECT_THAT(resolver->asked, SizeIs(2));
    resolver->answer("192.0.2.3");
    EXPECT_THAT(third.addresses(), ElementsAre(v4("192.0.2.3", 80)));
}

// An answer to a cancelled question is not given to those who ask again from inside of it.
TEST_F(Caching, anAnswerBelongsToItsQuestion) {
    resolver->stubborn = true;
    std::optional<Answer> again;
    Deferred<Addresses> first = cache->resolve("site.test", 80);
    first.addErrback([&](const Failure&) {
        again.emplace(ask("site.test"));
        return Addresses{};
    });
    first.cancel();
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->pending());
    EXPECT_EQ(cache->size(), 0U);
    resolver->answer("192.0.2.2");
    EXPECT_THAT(again->addresses(), ElementsAre(v4("192.0.2.2", 80)));
}

// One asker's callback may cancel another one, who is not told the answer then.
TEST_F(Caching, askersMayCancelEachOtherDuringTheAnswer) {
    std::optional<Answer> second;
    cache->resolve("site.test", 80).addCallback([&](const Addresses&) {
        second->deferred.cancel();
    });
    second.emplace(ask("site.test"));
    resolver->answer("192.0.2.1");
    EXPECT_TRUE(second->failedWith<CancelledError>());
}

// When it goes, whoever waits learns that nobody will answer, and the question ends.
TEST_F(Caching, itsEndEndsTheQuestions) {
    const test::CatchUnhandled unhandled;
    const Answer waiting = ask("site.test");
    cache.reset();
    EXPECT_TRUE(waiting.failedWith<DeferredLost>());
    EXPECT_EQ(resolver->cancelled, 1);
}

// It may go inside of the answer that it gives.
TEST_F(Caching, mayGoInsideOfItsAnswer) {
    cache->resolve("site.test", 80).addCallback([&](const Addresses&) { cache.reset(); });
    const Answer second = ask("site.test");
    resolver->answer("192.0.2.1");
    EXPECT_THAT(second.addresses(), SizeIs(1));
}

// A resolver that only knows resolve() is good enough.
TEST_F(Caching, resolversWithoutTtlAreKeptForTheDefault) {
    const auto fixed = makeRef<StaticResolver>();
    fixed->add("site.test", 0, v4("192.0.2.1", 0));
    cache = makeRef<CachingResolver>(clock, fixed);
    EXPECT_THAT(ask("site.test", 81).addresses(), ElementsAre(v4("192.0.2.1", 81)));
    EXPECT_EQ(cache->size(), 1U);
    EXPECT_TRUE(ask("nowhere.test").failedWith<DNSLookupError>());
}

}  // namespace
