#include <marline/protocols/http/detail/byte_ranges.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/field_view.hpp>

namespace marline::http::detail {
namespace {

/// All of `text` as a number; one too large for 64 bits is the largest.
std::optional<std::uint64_t> numberIn(std::string_view text) noexcept {
    if (text.empty() || !std::all_of(text.begin(), text.end(), isDigit)) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    return result.ec == std::errc() ? value : UINT64_MAX;
}

/// One range of the list. False for a malformed one; an empty one cannot be satisfied.
bool readRange(std::string_view text, std::uint64_t size, std::optional<ByteRange>& range) {
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) {
        return false;
    }
    const auto from = numberIn(text.substr(0, dash));
    const auto to = numberIn(text.substr(dash + 1));
    range.reset();
    if (dash == 0) {
        if (!to) {
            return false;
        }
        const std::uint64_t length = std::min(*to, size);
        if (length > 0) {
            range = ByteRange{size - length, length};
        }
        return true;
    }
    const bool open = dash + 1 == text.size();
    if (!from || (!to && !open) || (to && *to < *from)) {
        return false;
    }
    if (*from < size) {
        const std::uint64_t last = open ? size - 1 : std::min(*to, size - 1);
        range = ByteRange{*from, last - *from + 1};
    }
    return true;
}

}  // namespace

RangeRequest parseRange(std::string_view field, std::uint64_t size, std::size_t maxRanges) {
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos ||
        !sameFieldName(trimBlanks(field.substr(0, equals)), "bytes")) {
        return {};
    }
    RangeRequest request{RangeRequest::Kind::Unsatisfiable, {}};
    std::size_t count = 0;
    std::uint64_t total = 0;
    for (std::string_view list = field.substr(equals + 1);;) {
        const std::size_t comma = list.find(',');
        const std::string_view text = trimBlanks(list.substr(0, comma));
        if (!text.empty()) {
            std::optional<ByteRange> range;
            if (++count > maxRanges || !readRange(text, size, range)) {
                return {};
            }
            if (range) {
                total += range->length;
                request.ranges.push_back(*range);
                request.kind = RangeRequest::Kind::Parts;
            }
            if (total > size) {
                return {};
            }
        }
        if (comma == std::string_view::npos) {
            return count > 0 ? request : RangeRequest{};
        }
        list.remove_prefix(comma + 1);
    }
}

std::string contentRange(const ByteRange& range, std::uint64_t size) {
    return "bytes " + std::to_string(range.first) + "-" +
           std::to_string(range.first + range.length - 1) + "/" + std::to_string(size);
}

}  // namespace marline::http::detail
