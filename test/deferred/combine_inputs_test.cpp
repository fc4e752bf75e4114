// What may be an input of a combination: all are looked at before one is touched.
#include <marline/deferred/combine.hpp>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/gather.hpp>
#include <marline/deferred/race.hpp>
#include <marline/deferred/succeed.hpp>

namespace {

using marline::Deferred;
using marline::DeferredList;
using marline::DeferredTypeError;
using marline::gatherResults;
using marline::race;
using marline::Result;
using marline::succeed;
using testing::HasSubstr;

/// What `f` says when it throws DeferredTypeError.
template <class F>
std::string misuseOf(F f) {
    try {
        f();
    } catch (const DeferredTypeError& error) {
        return error.what();
    }
    return "nothing thrown";
}

/// Fires `d` and tells whether its own links get the value.
bool usable(const Deferred<int>& d) {
    bool seen = false;
    d.addCallback([&](int) { seen = true; });
    d.callback(1);
    return seen;
}

// One Deferred twice: its outcome can be taken once. The others are as they were.
TEST(CombineInputs, oneThatIsTakenTwiceIsRefused) {
    const Deferred<int> a;
    const Deferred<int> twice;
    EXPECT_THAT(misuseOf([&] { race(std::vector{a, twice, twice}); }),
                HasSubstr("Deferred 2 of the list is Deferred 1 again"));
    EXPECT_THAT(
        misuseOf([&] { DeferredList(std::vector{twice, a, twice}, {.consumeErrors = true}); }),
        HasSubstr("Deferred 2 of the list is Deferred 0 again"));
    EXPECT_THAT(misuseOf([&] { gatherResults(std::tuple{a, a}, {.consumeErrors = true}); }),
                HasSubstr("Deferred 1 of the list is Deferred 0 again"));
    EXPECT_TRUE(usable(a));
    EXPECT_TRUE(usable(twice));
}

// So is one without a value, whose view does not go stale by it.
TEST(CombineInputs, oneWithoutAValueThatIsTakenTwiceIsRefused) {
    const Deferred<> d;
    EXPECT_THAT(misuseOf([&] { race(std::vector{d, d}); }), HasSubstr("again"));
}

// Where outcomes are copied, the same one may be there as often as wanted, beside one that moves.
TEST(CombineInputs, oneThatIsCopiedMayBeThereTwice) {
    const Deferred<int> d;
    std::size_t seen = 0;
    DeferredList(std::vector{d, d}).addCallback([&](const std::vector<Result<int>>& all) {
        seen = all.size() + static_cast<std::size_t>(all[1].value());
    });
    int sum = 0;
    gatherResults(d, d, succeed(std::make_unique<int>(5)))
        .addCallback([&](std::tuple<int, int, std::unique_ptr<int>> all) {
            sum = std::get<0>(all) + std::get<1>(all) + *std::get<2>(all);
        });
    d.callback(1);
    EXPECT_EQ(seen, 3U);
    EXPECT_EQ(sum, 7);
}

// A stale view is refused with its place, and no input before it is touched.
TEST(CombineInputs, aStaleViewIsRefused) {
    const Deferred<int> good;
    const Deferred<int> stale;
    stale.addCallback([](int) { return std::string(); });
    const std::vector list{good, stale};
    EXPECT_THAT(misuseOf([&] { race(list); }), HasSubstr("Deferred 1 of the list: "));
    EXPECT_THAT(misuseOf([&] { DeferredList(list, {.consumeErrors = true}); }),
                HasSubstr("Deferred 1 of the list: "));
    EXPECT_TRUE(usable(good));
}

// So is one whose result goes to another Deferred.
TEST(CombineInputs, oneThatSomebodyWaitsForIsRefused) {
    const Deferred<int> good;
    const Deferred<int> inner;
    auto outer = succeed().addCallback([&] { return inner; });
    EXPECT_THAT(misuseOf([&] { DeferredList(std::vector{good, inner}); }),
                HasSubstr("Deferred 1 of the list: "));
    EXPECT_TRUE(usable(good));
}

// A container of what cannot be copied claims that it can; its outcome moves to the list.
TEST(CombineInputs, aContainerOfMoveOnlyValuesMoves) {
    using Values = std::vector<std::unique_ptr<int>>;
    const Deferred<Values> d;
    int seen = 0;
    DeferredList(std::vector{d}).addCallback([&](std::vector<Result<Values>> all) {
        seen = *all[0].value()[0];
    });
    Values values;
    values.push_back(std::make_unique<int>(4));
    d.callback(std::move(values));
    EXPECT_EQ(seen, 4);
}

// So does an optional one, which claims the same.
TEST(CombineInputs, anOptionalContainerOfMoveOnlyValuesMoves) {
    using Values = std::optional<std::vector<std::unique_ptr<int>>>;
    static_assert(std::copy_constructible<Values>);
    const Deferred<Values> d;
    int seen = 0;
    DeferredList(std::vector{d}).addCallback([&](std::vector<Result<Values>> all) {
        seen = *all[0].value()->at(0);
    });
    Values values(std::in_place);
    values->push_back(std::make_unique<int>(4));
    d.callback(std::move(values));
    EXPECT_EQ(seen, 4);
}

// So do lists of lists.
TEST(CombineInputs, listsOfMoveOnlyValuesAreGathered) {
    const std::vector inner{DeferredList(std::vector{succeed(std::make_unique<int>(3))})};
    int seen = 0;
    gatherResults(inner).addCallback(
        [&](std::vector<std::vector<Result<std::unique_ptr<int>>>> all) {
            seen = *all[0][0].value();
        });
    EXPECT_EQ(seen, 3);
}

}  // namespace
