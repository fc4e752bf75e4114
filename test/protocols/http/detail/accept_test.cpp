// Accept-Encoding: what is wanted, and how much.
#include <marline/protocols/http/detail/accept.hpp>

#include <gtest/gtest.h>

#include <array>

namespace marline::http::detail {
namespace {

// RFC 9110 §12.4.2: weights have three digits, and a coding without one is wanted fully.
TEST(AcceptTest, readsWeights) {
    constexpr std::string_view kField = "gzip;q=0.5, br , zstd; q=0, deflate;Q=0.123, x;q=1.000";
    EXPECT_EQ(qualityOf(kField, "gzip"), 500U);
    EXPECT_EQ(qualityOf(kField, "BR"), 1000U);
    EXPECT_EQ(qualityOf(kField, "zstd"), 0U);
    EXPECT_EQ(qualityOf(kField, "deflate"), 123U);
    EXPECT_EQ(qualityOf(kField, "x"), 1000U);
    EXPECT_EQ(qualityOf(kField, "y"), 0U);
    EXPECT_EQ(qualityOf("", "gzip"), 0U);
}

// What is no weight is none at all; one too large is full.
TEST(AcceptTest, doesNotGuess) {
    EXPECT_EQ(qualityOf("gzip;q=", "gzip"), 0U);
    EXPECT_EQ(qualityOf("gzip;level=1", "gzip"), 0U);
    EXPECT_EQ(qualityOf("gzip;q=x", "gzip"), 0U);
    EXPECT_EQ(qualityOf("gzip;q=9.9", "gzip"), 1000U);
    EXPECT_EQ(qualityOf("gzip;", "gzip"), 1000U);
}

// RFC 9110 §12.5.3: `*` is every coding that is not named; identity is there unless excluded.
TEST(AcceptTest, knowsTheRest) {
    EXPECT_EQ(qualityOf("br;q=0.2, *;q=0.7", "gzip"), 700U);
    EXPECT_EQ(qualityOf("*;q=0.7, br;q=0.2", "br"), 200U);
    EXPECT_EQ(qualityOf("gzip", "identity"), 1000U);
    EXPECT_EQ(qualityOf("*;q=0", "identity"), 0U);
    EXPECT_EQ(qualityOf("identity;q=0.3", "identity"), 300U);
}

// The one that is wanted most is taken, in the server's order among equals.
TEST(AcceptTest, prefers) {
    constexpr std::array<std::string_view, 3> kCodings{"br", "", "gzip"};
    EXPECT_EQ(preferred("gzip, br", kCodings), "br");
    EXPECT_EQ(preferred("gzip, br;q=0.9", kCodings), "gzip");
    EXPECT_EQ(preferred("*", kCodings), "br");
    EXPECT_EQ(preferred("identity, gzip;q=0.5", kCodings), "");
    EXPECT_EQ(preferred("identity;q=0.1, gzip;q=0.5", kCodings), "gzip");
    EXPECT_EQ(preferred("deflate", kCodings), "");
    EXPECT_EQ(preferred("", kCodings), "");
}

}  // namespace
}  // namespace marline::http::detail
