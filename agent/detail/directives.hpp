// Internal: not installed. Fields made of directives, such as Cache-Control.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <marline/agent/detail/field_list.hpp>

namespace marline::detail {

/// `name`, `name=token` or `name="quoted"`.
struct Directive {
    std::string_view name;  // a view into the field
    std::string value;      // without quotes and backslashes
    bool hasValue = false;
};

/// Takes a field apart at `separator`, which may stand in quoted strings; empty elements are
/// skipped.
class DirectiveReader {
public:
    DirectiveReader(std::string_view text, char separator) noexcept
        : rest_(text), separator_(separator) {}

    /// The next directive; nothing at the end, and where the text is malformed: see failed().
    std::optional<Directive> next();
    bool failed() const noexcept { return failed_; }

private:
    std::optional<Directive> refuse();
    bool readQuoted(std::string& value);
    void skipSpace() noexcept;

    std::string_view rest_;
    char separator_;
    bool failed_ = false;
};

/// Reads a number of seconds (RFC 9111 §1.2.2); `most` for any number above it, nothing for what
/// is no number.
std::optional<std::chrono::seconds> deltaSeconds(std::string_view text, std::chrono::seconds most);

}  // namespace marline::detail
