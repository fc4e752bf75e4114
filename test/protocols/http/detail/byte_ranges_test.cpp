// The Range field, by what it asks of ten bytes.
#include <marline/protocols/http/detail/byte_ranges.hpp>

#include <gtest/gtest.h>

#include <string>

namespace marline::http::detail {
namespace {

using Kind = RangeRequest::Kind;

/// `0-4,7-9`, `whole` or `none`: what is served of `size` bytes.
std::string served(const std::string& field, std::uint64_t size = 10, std::size_t max = 4) {
    const RangeRequest request = parseRange(field, size, max);
    std::string text = request.kind == Kind::Whole           ? "whole"
                       : request.kind == Kind::Unsatisfiable ? "none"
                                                             : "";
    for (const ByteRange& range : request.ranges) {
        text.append(text.empty() ? "" : ",").append(contentRange(range, size).substr(6));
    }
    return text;
}

// Z-18: explicit, open and suffix ranges; an end beyond the file is cut.
TEST(ByteRangesTest, readsRanges) {
    EXPECT_EQ(served("bytes=0-4"), "0-4/10");
    EXPECT_EQ(served("bytes=9-9"), "9-9/10");
    EXPECT_EQ(served("bytes=4-"), "4-9/10");
    EXPECT_EQ(served("bytes=-3"), "7-9/10");
    EXPECT_EQ(served("bytes=5-100"), "5-9/10");
    EXPECT_EQ(served("bytes=0-18446744073709551616"), "0-9/10");
    EXPECT_EQ(served("Bytes = 0-4"), "0-4/10");
}

// Z-19: a start at or beyond the end, or an empty suffix, is unsatisfiable.
TEST(ByteRangesTest, tellsWhatIsNotThere) {
    EXPECT_EQ(served("bytes=10-"), "none");
    EXPECT_EQ(served("bytes=10-20"), "none");
    EXPECT_EQ(served("bytes=-0"), "none");
    EXPECT_EQ(served("bytes=99999999999999999999-"), "none");
    EXPECT_EQ(served("bytes=0-", 0), "none");
    EXPECT_EQ(served("bytes=-5", 0), "none");
}

// Z-20: what is malformed, or another unit, is ignored.
TEST(ByteRangesTest, ignoresWhatIsNoRange) {
    for (const char* bad : {"", "bytes", "bytes=", "bytes=,", "bytes=5", "bytes=-", "bytes=4-3",
                            "bytes=a-b", "bytes=0-4x", "bytes=0--4", "bytes= -", "lines=0-4",
                            "bytes=0-4,x", "bytes=+0-4", "bytes=0x0-4", "bytes 0-4"}) {
        EXPECT_EQ(served(bad), "whole") << bad;
    }
}

// Z-21: of several ranges those that are there count; blanks and empty items do not.
TEST(ByteRangesTest, readsLists) {
    EXPECT_EQ(served("bytes=0-1,-2"), "0-1/10,8-9/10");
    EXPECT_EQ(served("bytes= 0-1 ,\t, 4-5"), "0-1/10,4-5/10");
    EXPECT_EQ(served("bytes=8-9,20-30,0-0"), "8-9/10,0-0/10");
}

// Z-22: none of several there is unsatisfiable; a suffix longer than the file is all of it.
TEST(ByteRangesTest, doesNotFailWhereTwistedDoes) {
    EXPECT_EQ(served("bytes=10-,20-"), "none");
    EXPECT_EQ(served("bytes=-100"), "0-9/10");
}

// More ranges than the limit, or more bytes than there are, get the whole.
TEST(ByteRangesTest, doesNotServeMoreThanTheWhole) {
    EXPECT_EQ(served("bytes=0-0,1-1,2-2,3-3"), "0-0/10,1-1/10,2-2/10,3-3/10");
    EXPECT_EQ(served("bytes=0-0,1-1,2-2,3-3,4-4"), "whole");
    EXPECT_EQ(served("bytes=0-,0-"), "whole");
    EXPECT_EQ(served("bytes=0-5,4-9"), "whole");
    EXPECT_EQ(served("bytes=0-4,5-9"), "0-4/10,5-9/10");
}

}  // namespace
}  // namespace marline::http::detail
