// Internal: not installed. Which fields go further than one connection.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include <marline/agent/detail/field_list.hpp>
#include <marline/protocols/http/headers.hpp>

namespace marline::detail {

/// Whether a field is of one connection (RFC 9110 §7.6.1, and what older RFCs add); those that
/// Connection names come to them.
bool isOfConnection(std::string_view name) noexcept;

/// The fields that are of no connection and that `keep(name)` wants, in order.
template <class Keep>
http::Headers endToEnd(const http::Headers& fields, Keep keep) {
    const std::vector<std::string_view> named = listedIn(fields, "Connection");
    http::Headers kept;
    for (const auto& [name, value] : fields) {
        const bool isNamed =
            std::any_of(named.begin(), named.end(),
                        [field = name](std::string_view word) { return sameWord(field, word); });
        if (!isNamed && !isOfConnection(name) && keep(name)) {
            kept.addRawHeader(name, value);
        }
    }
    return kept;
}

}  // namespace marline::detail
