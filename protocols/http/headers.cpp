#include <marline/protocols/http/headers.hpp>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/detail/field_check.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <utility>

namespace marline::http {

void Headers::addRawHeader(std::string_view name, std::string_view value) {
    const FieldView field{name, value};
    addRawHeaders({&field, 1});
}

void Headers::addRawHeaders(std::span<const FieldView> fields) {
    std::size_t bytes = 0;
    for (const FieldView& field : fields) {
        detail::checkField(field.name, field.value);
        bytes += field.name.size() + field.value.size();
    }
    std::vector<char> previous;
    makeRoom(fields.size(), bytes, previous);
    for (const FieldView& field : fields)
        put(field.name, field.value);
}

void Headers::setRawHeaders(std::string_view name, std::span<const std::string_view> values) {
    std::size_t bytes = 0;
    for (const std::string_view value : values) {
        detail::checkField(name, value);
        bytes += name.size() + value.size();
    }
    const std::size_t before = entries_.size();
    std::vector<char> previous;
    makeRoom(values.size(), bytes, previous);
    for (const std::string_view value : values)
        put(name, value);
    removeAmong(before, name);
}

std::vector<std::string_view> Headers::getRawHeaders(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const FieldView field : *this) {
        if (sameFieldName(field.name, name))
            values.push_back(field.value);
    }
    return values;
}

std::optional<std::string_view> Headers::get(std::string_view name) const noexcept {
    for (std::size_t index = entries_.size(); index-- > 0;) {
        const FieldView field = (*this)[index];
        if (sameFieldName(field.name, name))
            return field.value;
    }
    return std::nullopt;
}

void Headers::removeHeader(std::string_view name) { removeAmong(entries_.size(), name); }

void Headers::clear() noexcept {
    bytes_.clear();
    entries_.clear();
}

FieldView Headers::operator[](std::size_t index) const noexcept {
    const Entry& entry = entries_[index];
    const char* const name = bytes_.data() + entry.offset;
    return {{name, entry.nameLength}, {name + entry.nameLength, entry.valueLength}};
}

/// Makes room for what put() will add. The arguments of a change may be views into this object:
/// if the bytes move, `previous` keeps the old ones alive to the end of the change.
void Headers::makeRoom(std::size_t fields, std::size_t bytes, std::vector<char>& previous) {
    const std::size_t needed = bytes_.size() + bytes;
    if (needed > std::numeric_limits<std::uint32_t>::max())
        throw std::length_error("Headers: more than 4 GiB of header fields");
    if (entries_.capacity() < entries_.size() + fields)
        entries_.reserve(std::max(entries_.size() + fields, entries_.capacity() * 2));
    if (bytes_.capacity() < needed) {
        previous.reserve(std::max(needed, bytes_.capacity() * 2));
        previous.assign(bytes_.begin(), bytes_.end());
        previous.swap(bytes_);
    }
}

void Headers::put(std::string_view name, std::string_view value) noexcept {
    value = detail::trimBlanks(value);
    const std::size_t offset = bytes_.size();
    bytes_.resize(offset + name.size() + value.size());
    std::memcpy(bytes_.data() + offset, name.data(), name.size());
    if (!value.empty())
        std::memcpy(bytes_.data() + offset + name.size(), value.data(), value.size());
    entries_.push_back({static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(name.size()),
                        static_cast<std::uint32_t>(value.size())});
}

/// Removes `name` from the first `count` fields and closes the gaps in the bytes. `name` may be a
/// view into them, so they move only when it is no longer needed.
void Headers::removeAmong(std::size_t count, std::string_view name) {
    std::size_t kept = 0;
    for (std::size_t index = 0; index < entries_.size(); ++index) {
        if (index >= count || !sameFieldName((*this)[index].name, name))
            entries_[kept++] = entries_[index];
    }
    if (kept == entries_.size())
        return;
    entries_.resize(kept);
    std::size_t used = 0;
    for (Entry& entry : entries_) {
        const std::size_t length = std::size_t{entry.nameLength} + entry.valueLength;
        std::memmove(bytes_.data() + used, bytes_.data() + entry.offset, length);
        entry.offset = static_cast<std::uint32_t>(used);
        used += length;
    }
    bytes_.resize(used);
}

bool Headers::operator==(const Headers& other) const {
    if (size() != other.size())
        return false;
    // Quadratic, which is nothing for the handful of fields that a message has.
    return std::all_of(begin(), end(), [&](const FieldView field) {
        return getRawHeaders(field.name) == other.getRawHeaders(field.name);
    });
}

}  // namespace marline::http
