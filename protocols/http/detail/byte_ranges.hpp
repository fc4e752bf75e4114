// Internal: not installed. The Range field (RFC 9110 §14.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace marline::http::detail {

/// Some bytes of a representation; at least one.
struct ByteRange {
    std::uint64_t first;
    std::uint64_t length;

    friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a Range field asks for of something of a known size.
struct RangeRequest {
    enum class Kind : std::uint8_t {
        Whole,          ///< The field is to be ignored.
        Parts,          ///< `ranges`, in the order they were asked for.
        Unsatisfiable,  ///< None of them is there: a 416.
    };

    Kind kind = Kind::Whole;
    std::vector<ByteRange> ranges = {};
};

/// Reads it. Ignored are other units and what is malformed (Twisted: Z-20), more than `maxRanges`
/// ranges, and ranges that come to more than the whole: they overlap, and only make work.
RangeRequest parseRange(std::string_view field, std::uint64_t size, std::size_t maxRanges);

/// `bytes 0-4/10`.
std::string contentRange(const ByteRange& range, std::uint64_t size);

}  // namespace marline::http::detail
