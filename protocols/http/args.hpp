// Args: named values, of a query or a form.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>

namespace marline::http {

/// Names and values in the order they came; a name may come more than once (Twisted:
/// `Request.args`).
class MARLINE_API Args {
public:
    using Entry = std::pair<std::string, std::string>;

    /// The first value of `name`; nothing when there is none.
    std::optional<std::string_view> get(std::string_view name) const noexcept;
    /// All values of `name`, in order.
    std::vector<std::string_view> getAll(std::string_view name) const;
    bool has(std::string_view name) const noexcept { return get(name).has_value(); }

    void add(std::string name, std::string value) {
        entries_.emplace_back(std::move(name), std::move(value));
    }
    /// Removes all values of `name`.
    void remove(std::string_view name);
    void clear() noexcept { entries_.clear(); }

    std::size_t size() const noexcept { return entries_.size(); }
    bool empty() const noexcept { return entries_.empty(); }
    auto begin() const noexcept { return entries_.begin(); }
    auto end() const noexcept { return entries_.end(); }

    /// Adds what stands in `text`, in the form `a=1&b=x+y%21`: pairs are split at `&`, blank values
    /// are kept, and what has no `=` is dropped (Twisted: `parse_qs`, Q-2). Gives false, with `max`
    /// entries, when there would be more.
    bool addEncoded(std::string_view text, std::size_t max);

private:
    std::vector<Entry> entries_;
};

}  // namespace marline::http
