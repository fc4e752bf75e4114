#include <marline/agent/detail/directives.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace marline::detail {

void DirectiveReader::skipSpace() noexcept {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
}

std::optional<Directive> DirectiveReader::refuse() {
    failed_ = true;
    rest_ = {};
    return std::nullopt;
}

std::optional<Directive> DirectiveReader::next() {
    skipSpace();
    while (rest_.starts_with(separator_)) {
        rest_.remove_prefix(1);
        skipSpace();
    }
    if (rest_.empty()) {
        return std::nullopt;
    }
    const std::array<char, 6> stops{' ', '\t', '=', '"', separator_, '\0'};
    Directive directive;
    directive.name = rest_.substr(0, rest_.find_first_of(stops.data()));
    rest_.remove_prefix(directive.name.size());
    skipSpace();
    if (directive.name.empty()) {
        return refuse();
    }
    if (rest_.starts_with('=')) {
        rest_.remove_prefix(1);
        skipSpace();
        directive.hasValue = true;
        if (rest_.starts_with('"')) {
            if (!readQuoted(directive.value)) {
                return refuse();
            }
        } else {
            directive.value = rest_.substr(0, rest_.find_first_of(stops.data()));
            rest_.remove_prefix(directive.value.size());
        }
        skipSpace();
    }
    if (!rest_.empty() && !rest_.starts_with(separator_)) {
        return refuse();
    }
    return directive;
}

bool DirectiveReader::readQuoted(std::string& value) {
    for (std::size_t at = 1; at < rest_.size(); ++at) {
        if (rest_[at] == '"') {
            rest_.remove_prefix(at + 1);
            return true;
        }
        at += rest_[at] == '\\' && at + 1 < rest_.size() ? 1 : 0;
        value += rest_[at];
    }
    return false;
}

std::optional<std::chrono::seconds> deltaSeconds(std::string_view text, std::chrono::seconds most) {
    std::chrono::seconds value{0};
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        value = std::min(most, value * 10 + std::chrono::seconds(c - '0'));
    }
    return text.empty() ? std::nullopt : std::optional(value);
}

}  // namespace marline::detail
