// Fuzzes the Range field: what is served lies in the file, is no more than asked for, and says so.
#include <cstdint>
#include <string>

#include <marline/protocols/http/detail/byte_ranges.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using http::detail::RangeRequest;
using marline::testing::demand;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    testing::Chooser input(data, size);
    const std::size_t most = input.takeByte() % 20;
    std::uint64_t length = 0;
    for (unsigned bytes = input.takeByte() % 9; bytes > 0; --bytes) {
        length = length << 8U | input.takeByte();
    }
    length &= std::uint64_t{INT64_MAX};  // the largest file that there is
    const RangeRequest asked = http::detail::parseRange(input.rest(), length, most);
    demand((asked.kind == RangeRequest::Kind::Parts) == !asked.ranges.empty(),
           "parts, and only parts, have ranges");
    demand(asked.ranges.size() <= most, "maxRanges");
    std::uint64_t sum = 0;
    for (const http::detail::ByteRange& range : asked.ranges) {
        demand(range.length > 0, "a range has a byte");
        demand(range.first < length && range.length <= length - range.first, "a range is there");
        demand(range.length <= length - sum, "ranges do not come to more than the whole");
        sum += range.length;
        demand(http::detail::contentRange(range, length) ==
                   "bytes " + std::to_string(range.first) + "-" +
                       std::to_string(range.first + range.length - 1) + "/" +
                       std::to_string(length),
               "Content-Range");
    }
    return 0;
}
