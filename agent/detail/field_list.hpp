// Internal: not installed. Field values that are lists, and words in either case.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <marline/protocols/http/field_view.hpp>
#include <marline/protocols/http/headers.hpp>

namespace marline::detail {

/// Whether two texts are the same but for the case of ASCII letters.
inline bool sameWord(std::string_view left, std::string_view right) noexcept {
    return http::sameFieldName(left, right);
}

/// `text` without the spaces and tabs around it.
std::string_view trimmed(std::string_view text) noexcept;

/// The elements of all fields called `name`, which are lists separated by commas, in order; empty
/// ones are left out (RFC 9110 §5.6.1). Views into `headers`. Not for values with quoted strings.
std::vector<std::string_view> listedIn(const http::Headers& headers, std::string_view name);

/// The same as one value: the elements joined by ", ".
std::string listOf(const http::Headers& headers, std::string_view name);

}  // namespace marline::detail
