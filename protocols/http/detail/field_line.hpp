// Internal: one field line out of contiguous bytes.
#pragma once

#include <marline/protocols/http/detail/scan.hpp>
#include <marline/protocols/http/field_view.hpp>
#include <marline/protocols/http/parse_error.hpp>

#include <cstddef>
#include <string_view>

namespace marline::http::detail {

/// What came of reading one line.
enum class LineStep : std::uint8_t {
    More,        ///< A line was read; others follow.
    End,         ///< The empty line was read.
    Incomplete,  ///< The line's end is not there yet.
    Failed,
};

/// Says why the name that ends at `nameEnd`, on something else than a colon, is none.
ParseReason badNameReason(const char* line, const char* nameEnd) noexcept;

/// Reads the CRLF at `at`, which is a CR or LF or other byte no value may have; moves behind it.
inline LineStep readLineEnd(const char*& at, const char* end, ParseReason& reason) noexcept {
    if (*at != '\r') {
        reason = *at == '\n' ? ParseReason::BareLf : ParseReason::BadFieldValue;
        return LineStep::Failed;
    }
    if (at + 1 == end)
        return LineStep::Incomplete;
    if (at[1] != '\n') {
        reason = ParseReason::BareCr;
        return LineStep::Failed;
    }
    at += 2;
    return LineStep::More;
}

/// Reads the field line at `at` and moves behind it (RFC 9112 §5).
///
/// A given prefix of a line always gives the same answer until its line feed is there, which is
/// what makes the events independent of how the input was cut.
inline LineStep readFieldLine(const char*& at, const char* end, FieldView& field,
                              ParseReason& reason) noexcept {
    const char* const line = at;
    const char* const nameEnd = skipToken(line, end);
    if (nameEnd == end)
        return LineStep::Incomplete;
    if (*nameEnd != ':' || nameEnd == line) {
        if (*line == '\r') {
            const LineStep step = readLineEnd(at, end, reason);
            return step == LineStep::More ? LineStep::End : step;
        }
        reason = badNameReason(line, nameEnd);
        return LineStep::Failed;
    }
    const char* value = nameEnd + 1;
    while (value != end && isBlank(*value))
        ++value;
    const char* lineEnd = skipValue(value, end);
    if (lineEnd == end)
        return LineStep::Incomplete;
    const char* valueEnd = lineEnd;
    while (valueEnd != value && isBlank(valueEnd[-1]))
        --valueEnd;
    const LineStep step = readLineEnd(lineEnd, end, reason);
    if (step != LineStep::More)
        return step;
    field.name = std::string_view(line, static_cast<std::size_t>(nameEnd - line));
    field.value = std::string_view(value, static_cast<std::size_t>(valueEnd - value));
    at = lineEnd;
    return LineStep::More;
}

}  // namespace marline::http::detail
