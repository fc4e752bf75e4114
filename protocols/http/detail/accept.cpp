#include <marline/protocols/http/detail/accept.hpp>

#include <optional>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/field_view.hpp>

namespace marline::http::detail {
namespace {

constexpr unsigned kFull = 1000;

/// The `q` among the parameters; full without one, and nothing for one that is no number.
unsigned weightIn(std::string_view parameters) noexcept {
    const std::string_view text = trimBlanks(parameters);
    if (text.empty()) {
        return kFull;
    }
    if (text.size() < 3 || (text[0] | 0x20) != 'q' || text[1] != '=' || !isDigit(text[2])) {
        return 0;
    }
    unsigned value = static_cast<unsigned>(text[2] - '0') * kFull;
    unsigned unit = kFull / 10;
    for (std::size_t at = 4; at < text.size() && isDigit(text[at]); ++at, unit /= 10) {
        value += static_cast<unsigned>(text[at] - '0') * unit;
    }
    return value > kFull ? kFull : value;
}

}  // namespace

unsigned qualityOf(std::string_view field, std::string_view coding) noexcept {
    std::optional<unsigned> any;
    while (!field.empty()) {
        const std::size_t comma = field.find(',');
        const std::string_view item = field.substr(0, comma);
        field = comma == std::string_view::npos ? std::string_view{} : field.substr(comma + 1);
        const std::size_t semicolon = item.find(';');
        const std::string_view name = trimBlanks(item.substr(0, semicolon));
        const unsigned weight =
            semicolon == std::string_view::npos ? kFull : weightIn(item.substr(semicolon + 1));
        if (sameFieldName(name, coding)) {
            return weight;
        }
        if (name == "*") {
            any = weight;
        }
    }
    return any.value_or(coding == "identity" ? kFull : 0);
}

std::string_view preferred(std::string_view field,
                           std::span<const std::string_view> codings) noexcept {
    std::string_view best;
    unsigned most = 0;
    for (const std::string_view coding : codings) {
        const unsigned quality = coding.empty() ? 0 : qualityOf(field, coding);
        if (quality > most) {
            best = coding;
            most = quality;
        }
    }
    // What is not named as `identity` is a last resort (RFC 9110 §12.5.3 leaves that to servers).
    const bool named = field.find("identity") != std::string_view::npos;
    return named && qualityOf(field, "identity") > most ? std::string_view{} : best;
}

}  // namespace marline::http::detail
