// Failure, Result, Ref and UniqueFunction: the values that everything is made of.
#include <marline/deferred/failure.hpp>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>

namespace {

using marline::Error;
using marline::Failure;
using marline::Ref;
using marline::RefCounted;
using marline::Result;
using marline::TimeoutError;
using marline::UniqueFunction;

// F-2: check finds the error by its type or a base, without throwing.
TEST(Failure, checkFindsTypesAndBases) {
    const Failure why = Failure::make<TimeoutError>("late");
    EXPECT_NE(why.check<TimeoutError>(), nullptr);
    EXPECT_NE(why.check<Error>(), nullptr);
    EXPECT_NE(why.check<std::exception>(), nullptr);
    EXPECT_EQ(why.check<std::bad_alloc>(), nullptr);
}

// F-2: of several types, trap takes the error by any that fits, in whatever order they are named.
TEST(Failure, trapTakesAnyOfSeveral) {
    const Failure why = Failure::make<TimeoutError>("late");
    EXPECT_NO_THROW((why.trap<Error, TimeoutError>()));
    EXPECT_NO_THROW((why.trap<TimeoutError, Error>()));
    EXPECT_NO_THROW((why.trap<std::bad_alloc, std::exception>()));
}

// F-3: trap lets the named ones pass and throws anything else.
TEST(Failure, trapThrowsWhatIsNotNamed) {
    const Failure why = Failure::make<TimeoutError>("late");
    EXPECT_NO_THROW((why.trap<std::bad_alloc, TimeoutError>()));
    EXPECT_THROW(why.trap<std::bad_alloc>(), TimeoutError);
}

// F-4: the same object is thrown every time.
TEST(Failure, raiseThrowsTheSameObject) {
    const Failure why = Failure::make<TimeoutError>("late");
    const std::exception* first = nullptr;
    for (int i = 0; i < 2; ++i) {
        try {
            why.raise();
        } catch (const TimeoutError& error) {
            if (first == nullptr) {
                first = &error;
            }
            EXPECT_EQ(first, &error);
        }
    }
}

// F-6: capturing with nothing in flight gives an error that says so.
TEST(Failure, currentWithoutAnExceptionIsAnError) {
    EXPECT_NE(Failure::current().check<std::logic_error>(), nullptr);
}

// F-10: the brief form is type and message in one line.
TEST(Failure, briefIsTypeAndMessage) {
    EXPECT_EQ(Failure::make<TimeoutError>("late").brief(), "marline::TimeoutError: late");
}

// An error that cannot even be built becomes what building it threw.
TEST(Failure, makeNeverThrows) {
    struct Unbuildable : std::exception {
        Unbuildable() { throw std::runtime_error("no"); }
    };
    EXPECT_EQ(Failure::make<Unbuildable>().message(), "no");
}

// A Result gives its value, or throws its error.
TEST(Result, valueThrowsTheError) {
    Result<std::string> good(std::string("x"));
    EXPECT_EQ(good.value(), "x");
    const Result<std::string> bad(Failure::make<TimeoutError>("late"));
    EXPECT_FALSE(bad.ok());
    EXPECT_THROW(bad.value(), TimeoutError);
    good = bad;
    EXPECT_FALSE(good.ok());
    good = Result<std::string>(std::string("y"));
    EXPECT_EQ(std::move(good).value(), "y");
    EXPECT_TRUE(Result<>().ok());
}

struct Counted : RefCounted {
    explicit Counted(int& deaths) : deaths_(deaths) {}
    ~Counted() override { ++deaths_; }
    int& deaths_;
};
struct Derived final : Counted {
    using Counted::Counted;
};

// The last Ref deletes the object, through whichever base.
TEST(Ref, lastOneDeletes) {
    int deaths = 0;
    {
        Ref<Derived> derived = marline::makeRef<Derived>(deaths);
        Ref<Counted> base = derived;
        Ref<Counted> moved = std::move(derived);
        EXPECT_FALSE(derived);
        EXPECT_TRUE(base == moved);
        base.reset();
        EXPECT_EQ(deaths, 0);
    }
    EXPECT_EQ(deaths, 1);
}

// Small callables are stored inside, large ones outside; both move and die once.
TEST(UniqueFunction, ownsSmallAndLargeCallables) {
    const auto counted = std::make_shared<int>(0);
    std::array<char, 200> large{};
    large[0] = 7;
    UniqueFunction<int(int)> small = [counted](int x) { return x + 1; };
    UniqueFunction<int(int)> big = [counted, large](int x) { return x + large[0]; };
    EXPECT_EQ(counted.use_count(), 3);
    UniqueFunction<int(int)> moved = std::move(small);
    EXPECT_FALSE(small);
    EXPECT_EQ(moved(1), 2);
    EXPECT_EQ(big(1), 8);
    big = std::move(moved);
    EXPECT_EQ(counted.use_count(), 2);
    big.reset();
    EXPECT_EQ(counted.use_count(), 1);
}

}  // namespace
