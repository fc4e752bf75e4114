#include <marline/protocols/http/field_view.hpp>

#include <cstddef>

namespace marline::http {

namespace {

constexpr char lowerCase(char byte) noexcept {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
}

}  // namespace

bool sameFieldName(std::string_view left, std::string_view right) noexcept {
    if (left.size() != right.size())
        return false;
    for (std::size_t at = 0; at < left.size(); ++at) {
        if (left[at] != right[at] && lowerCase(left[at]) != lowerCase(right[at]))
            return false;
    }
    return true;
}

std::optional<std::string_view> findField(std::span<const FieldView> fields,
                                          std::string_view name) noexcept {
    for (std::size_t at = fields.size(); at-- > 0;) {
        if (sameFieldName(fields[at].name, name))
            return fields[at].value;
    }
    return std::nullopt;
}

}  // namespace marline::http
