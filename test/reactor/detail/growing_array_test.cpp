// GrowingArray.
#include <marline/reactor/detail/growing_array.hpp>

#include <cstddef>
#include <utility>

#include <gtest/gtest.h>

namespace {

using marline::detail::GrowingArray;

GrowingArray<std::size_t> upTo(std::size_t end) {
    GrowingArray<std::size_t> array;
    for (std::size_t i = 0; i < end; ++i) {
        array.push_back(i);
    }
    return array;
}

// What was in it is there after it has grown, many times over.
TEST(GrowingArray, keepsWhatItHoldsAsItGrows) {
    GrowingArray<std::size_t> array = upTo(100000);
    ASSERT_EQ(array.size(), 100000U);
    for (std::size_t i = 0; i < array.size(); ++i) {
        ASSERT_EQ(array[i], i);
    }
    EXPECT_EQ(array.front(), 0U);
    EXPECT_EQ(array.back(), 99999U);
    EXPECT_EQ(array.end() - array.begin(), 100000);
}

// One of its own elements may be what is added when it has to grow.
TEST(GrowingArray, takesItsOwnElements) {
    GrowingArray<std::size_t> array = upTo(16);
    array.push_back(array[3]);
    EXPECT_EQ(array.back(), 3U);
}

// It shrinks from its end.
TEST(GrowingArray, shrinksFromItsEnd) {
    GrowingArray<std::size_t> array = upTo(10);
    array.pop_back();
    EXPECT_EQ(array.back(), 8U);
    array.truncate(2);
    EXPECT_EQ(array.size(), 2U);
    array.truncate(0);
    EXPECT_TRUE(array.empty());
    array.push_back(7);
    EXPECT_EQ(array.front(), 7U);
}

// Moving takes what it holds along.
TEST(GrowingArray, moves) {
    GrowingArray<std::size_t> array = upTo(10);
    const GrowingArray<std::size_t> taken(std::move(array));
    EXPECT_EQ(taken.size(), 10U);
    GrowingArray<std::size_t> other = upTo(3);
    GrowingArray<std::size_t> third = upTo(5);
    other = std::move(third);
    EXPECT_EQ(other.size(), 5U);
}

}  // namespace
