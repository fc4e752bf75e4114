// Internal: not installed. The lines of a text file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

namespace marline::detail {

/// Takes a text apart into lines, which may end in CRLF.
class TextLines {
public:
    explicit TextLines(std::string_view text) noexcept : rest_(text) {}

    /// The next line that is not empty, without its end; nothing behind the last one.
    std::optional<std::string_view> next() noexcept {
        while (!rest_.empty()) {
            std::string_view line = rest_.substr(0, rest_.find('\n'));
            rest_.remove_prefix(std::min(line.size() + 1, rest_.size()));
            line.remove_suffix(line.ends_with('\r') ? 1 : 0);
            ++number_;
            if (!line.empty()) {
                return line;
            }
        }
        return std::nullopt;
    }
    /// Of the line that next() gave; the first one is 1.
    std::size_t number() const noexcept { return number_; }

private:
    std::string_view rest_;
    std::size_t number_ = 0;
};

}  // namespace marline::detail
