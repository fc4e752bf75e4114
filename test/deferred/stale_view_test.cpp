// Views whose type is no longer the tail's, returned from callbacks or used while a chain changes.
#include <marline/deferred/deferred.hpp>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>

namespace {

using marline::Deferred;
using marline::DeferredTypeError;
using marline::Failure;
using marline::succeed;
using testing::HasSubstr;

/// What `outer` fails with, if it is a DeferredTypeError.
std::string misuseOf(Deferred<int> outer) {
    std::string why;
    outer.addErrback<DeferredTypeError>([&](const DeferredTypeError& error) {
        why = error.what();
        return 0;
    });
    return why;
}

// A pending Deferred returned through a stale view fails the chain, which says both types.
TEST(StaleView, returnedPendingIsRefused) {
    Deferred<int> inner;
    const auto later = inner.addCallback([](int) { return std::string(100, 'x'); });
    int ran = 0;
    auto outer = succeed().addCallback([inner] { return inner; }).addCallback([&](int x) {
        ++ran;
        return x;
    });
    EXPECT_THAT(misuseOf(outer), HasSubstr("string"));
    inner.callback(1);
    EXPECT_EQ(ran, 0);
    EXPECT_TRUE(later.called());
}

// So does one that has its result, which stays where it is.
TEST(StaleView, returnedFiredIsRefused) {
    Deferred<int> inner = succeed(1);
    auto later = inner.addCallback([](int) { return 2.5; });
    EXPECT_THAT(misuseOf(succeed().addCallback([inner] { return inner; })),
                HasSubstr("yields double now, not int"));
    double seen = 0;
    later.addCallback([&](double x) { seen = x; });
    EXPECT_EQ(seen, 2.5);
}

// An errback that returns one is told the same.
TEST(StaleView, returnedFromAnErrbackIsRefused) {
    Deferred<int> inner;
    inner.addCallback([](int) {});
    auto outer = marline::fail<int>(std::runtime_error("x")).addErrback([inner](const Failure&) {
        return inner;
    });
    EXPECT_THAT(misuseOf(outer), HasSubstr("yields void now, not int"));
}

/// A callback whose copy adds a link to the chain that it is being added to.
struct AddsWhenCopied {
    explicit AddsWhenCopied(Deferred<int> chain) : d(std::move(chain)) {}
    AddsWhenCopied(const AddsWhenCopied& other) : d(other.d) {
        d.addCallback([](int x) { return x + 1; });
    }
    AddsWhenCopied(AddsWhenCopied&&) noexcept = default;

    int operator()(int x) const { return x * 10; }

    Deferred<int> d;
};

// Copying a callback may add another one, which then comes before it.
TEST(StaleView, copyingACallbackMayAddAnother) {
    Deferred<int> d;
    const AddsWhenCopied callback(d);
    int seen = 0;
    d.addCallback(callback).addCallback([&](int x) { seen = x; });
    d.callback(1);
    EXPECT_EQ(seen, 20);
}

}  // namespace
