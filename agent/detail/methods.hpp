// Internal: not installed. What a method promises.
#pragma once

#include <string_view>

namespace marline::detail {

/// Whether sending it twice does no more than sending it once (RFC 9110 §9.2.2).
inline bool idempotent(std::string_view method) noexcept {
    for (const std::string_view known : {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}) {
        if (method == known) {
            return true;
        }
    }
    return false;
}

}  // namespace marline::detail
