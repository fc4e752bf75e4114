// One header or trailer field as views into bytes that somebody else owns.
#pragma once

#include <marline/deferred/api.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace marline::http {

/// One header or trailer field: views that live as long as the bytes they were cut from.
///
/// The value carries no white space at either end (RFC 9110 §5.5). Comparison is by exact bytes;
/// use sameFieldName() for names.
struct FieldView {
    std::string_view name;
    std::string_view value;

    friend bool operator==(const FieldView&, const FieldView&) = default;
};

/// Says whether two field names are the same name: ASCII letters match in either case
/// (RFC 9110 §5.1).
MARLINE_API bool sameFieldName(std::string_view left, std::string_view right) noexcept;

/// Gives the value of the last field called `name`, as Twisted's `Request.getHeader` does;
/// nothing when there is none.
MARLINE_API std::optional<std::string_view> findField(std::span<const FieldView> fields,
                                                      std::string_view name) noexcept;

}  // namespace marline::http
