// An ordered, case-insensitive multimap of header fields (Twisted: http_headers.Headers).
#pragma once

#include <marline/deferred/api.hpp>
#include <marline/protocols/http/field_view.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace marline::http {

/// Header fields in the order they were added; names match in either case, and a name may occur
/// more than once.
///
/// Names and values are kept as given, except that white space around a value is dropped. What
/// could not be sent is refused at the call with a std::invalid_argument that names the header:
/// a name that is not a token, a value with CR, LF, NUL or another control character (header
/// injection). All bytes live in one buffer, which clear() keeps for the next message.
///
///     Headers headers{{"Accept", "text/html"}, {"Accept", "text/plain"}};
///     headers.setRawHeaders("User-Agent", {"marline"});
///     for (const auto& [name, value] : headers) …
///
/// Every view that it gives lives until the end of the next call that changes the Headers; so a
/// value may be copied from one field of it to another.
class MARLINE_API Headers {
public:
    class Iterator;

    Headers() = default;

    /// Adds the given fields in order.
    Headers(std::initializer_list<FieldView> fields) {
        addRawHeaders({fields.begin(), fields.size()});
    }

    /// Copies fields, for example those of a RequestHead.
    explicit Headers(std::span<const FieldView> fields) { addRawHeaders(fields); }

    /// Adds one field behind all others.
    void addRawHeader(std::string_view name, std::string_view value);

    /// Adds fields behind all others, in order; adds none if it refuses one.
    void addRawHeaders(std::span<const FieldView> fields);

    /// Replaces all fields called `name` by one for each value; they stand behind all others. No
    /// value at all removes the name. Changes nothing if it refuses one.
    void setRawHeaders(std::string_view name, std::span<const std::string_view> values);
    void setRawHeaders(std::string_view name, std::initializer_list<std::string_view> values) {
        setRawHeaders(name, std::span(values.begin(), values.size()));
    }

    /// Gives all values of `name` in order; empty when there is none.
    std::vector<std::string_view> getRawHeaders(std::string_view name) const;

    /// Gives the last value of `name`, as Twisted's `Request.getHeader` does; nothing if none.
    std::optional<std::string_view> get(std::string_view name) const noexcept;

    /// Says whether a field called `name` is there.
    bool hasHeader(std::string_view name) const noexcept { return get(name).has_value(); }

    /// Removes all fields called `name`, if any.
    void removeHeader(std::string_view name);

    /// Removes every field and keeps the memory.
    void clear() noexcept;

    /// The number of fields; a name counts as often as it occurs.
    std::size_t size() const noexcept { return entries_.size(); }
    bool empty() const noexcept { return entries_.empty(); }

    /// The field at `index` in order; `index` must be below size().
    FieldView operator[](std::size_t index) const noexcept;

    Iterator begin() const noexcept;
    Iterator end() const noexcept;

    /// Equal if every name has the same values in the same order; the order of different names
    /// and the case of names do not matter (Twisted: `Headers.__eq__`).
    bool operator==(const Headers& other) const;

private:
    struct Entry {
        std::uint32_t offset;
        std::uint32_t nameLength;
        std::uint32_t valueLength;
    };

    void makeRoom(std::size_t fields, std::size_t bytes, std::vector<char>& previous);
    void put(std::string_view name, std::string_view value) noexcept;
    void removeAmong(std::size_t count, std::string_view name);

    std::vector<char> bytes_;  ///< Each field's name and value, one behind the other, no gaps.
    std::vector<Entry> entries_;
};

/// Walks over the fields of a Headers in order; gives FieldView by value.
class Headers::Iterator {
public:
    using value_type = FieldView;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    Iterator() = default;
    Iterator(const Headers& headers, std::size_t index) : headers_(&headers), index_(index) {}

    FieldView operator*() const noexcept { return (*headers_)[index_]; }
    Iterator& operator++() noexcept {
        ++index_;
        return *this;
    }
    Iterator operator++(int) noexcept {
        const Iterator old = *this;
        ++index_;
        return old;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

private:
    const Headers* headers_ = nullptr;
    std::size_t index_ = 0;
};

inline Headers::Iterator Headers::begin() const noexcept { return {*this, 0}; }
inline Headers::Iterator Headers::end() const noexcept { return {*this, size()}; }

}  // namespace marline::http
