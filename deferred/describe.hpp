// A Deferred in words, for logs and tests.
#pragma once

#include <optional>
#include <ostream>
#include <sstream>
#include <string>

#include <marline/deferred/deferred.hpp>

namespace marline {
namespace detail {

/// `TYPE at ADDRESS, made at PLACE: ` and its state; `value` is the text of a result, if any.
MARLINE_API std::string describeChain(const Chain& chain, const std::optional<std::string>& value);

}  // namespace detail

/// What `d` is, where it was made and how it is: its result, or what it waits for (Twisted:
/// `repr(d)`). Results are shown when their type has an `operator<<`.
template <class T>
std::string describe(const Deferred<T>& d) {
    std::optional<std::string> value;
    if constexpr (requires(std::ostream& out, const detail::Stored<T>& v) { out << v; }) {
        if (const void* held = d.chain().result(detail::typeOps<T>)) {
            std::ostringstream out;
            out << *static_cast<const T*>(held);
            value = out.str();
        }
    }
    return detail::describeChain(d.chain(), value);
}

/// Writes describe().
template <class T>
std::ostream& operator<<(std::ostream& out, const Deferred<T>& d) {
    return out << describe(d);
}

}  // namespace marline
