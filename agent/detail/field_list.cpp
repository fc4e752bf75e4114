#include <marline/agent/detail/field_list.hpp>

#include <algorithm>

namespace marline::detail {

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> listedIn(const http::Headers& headers, std::string_view name) {
    std::vector<std::string_view> all;
    for (std::string_view value : headers.getRawHeaders(name)) {
        while (!value.empty()) {
            const std::size_t comma = std::min(value.find(','), value.size());
            if (const std::string_view element = trimmed(value.substr(0, comma));
                !element.empty()) {
                all.push_back(element);
            }
            value.remove_prefix(std::min(comma + 1, value.size()));
        }
    }
    return all;
}

std::string listOf(const http::Headers& headers, std::string_view name) {
    std::string list;
    for (const std::string_view element : listedIn(headers, name)) {
        list.append(list.empty() ? "" : ", ").append(element);
    }
    return list;
}

}  // namespace marline::detail
