#include <marline/protocols/http/detail/conditions.hpp>

#include <algorithm>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http::detail {
namespace {

constexpr std::string_view kWeak = "W/";

bool isTagByte(char c) noexcept { return c > ' ' && c != '"' && c != 0x7f; }

std::string_view opaque(std::string_view tag) noexcept {
    return tag.starts_with(kWeak) ? tag.substr(kWeak.size()) : tag;
}

/// Takes one tag off the front of a list; empty when there is none.
std::string_view takeTag(std::string_view& list) noexcept {
    while (!list.empty() && (isBlank(list.front()) || list.front() == ',')) {
        list.remove_prefix(1);
    }
    const std::size_t open = list.starts_with(kWeak) ? kWeak.size() : 0;
    const std::size_t close =
        list.substr(open).starts_with('"') ? list.find('"', open + 1) : std::string_view::npos;
    if (close == std::string_view::npos) {
        return {};
    }
    const std::string_view tag = list.substr(0, close + 1);
    list.remove_prefix(tag.size());
    return tag;
}

bool isAtMost(std::string_view date, HttpTime time) {
    const auto parsed = parseHttpDate(date);
    return parsed && time <= *parsed;
}

}  // namespace

bool isEntityTag(std::string_view text) noexcept {
    const std::string_view quoted = opaque(text);
    if (quoted.size() < 2 || !quoted.starts_with('"') || !quoted.ends_with('"')) {
        return false;
    }
    const std::string_view inner = quoted.substr(1, quoted.size() - 2);
    return std::all_of(inner.begin(), inner.end(), [](char c) {
        return isTagByte(c) || static_cast<unsigned char>(c) >= 0x80;
    });
}

bool hasTag(std::string_view field, std::string_view tag, bool strong) noexcept {
    if (trimBlanks(field) == "*") {
        return true;
    }
    for (std::string_view each = takeTag(field); !each.empty(); each = takeTag(field)) {
        if (strong ? each == tag && !tag.starts_with(kWeak) : opaque(each) == opaque(tag)) {
            return true;
        }
    }
    return false;
}

int conditionOf(const Conditions& conditions, std::string_view method, std::string_view tag,
                std::optional<HttpTime> lastModified) {
    if (conditions.ifMatch) {
        if (!tag.empty() && !hasTag(*conditions.ifMatch, tag, true)) {
            return kPreconditionFailed;
        }
    } else if (conditions.ifUnmodifiedSince && lastModified &&
               parseHttpDate(*conditions.ifUnmodifiedSince) &&
               !isAtMost(*conditions.ifUnmodifiedSince, *lastModified)) {
        return kPreconditionFailed;
    }
    const bool reads = method == "GET" || method == "HEAD";
    if (conditions.ifNoneMatch) {
        if (!tag.empty() && hasTag(*conditions.ifNoneMatch, tag, false)) {
            return reads ? kNotModified : kPreconditionFailed;
        }
    } else if (reads && conditions.ifModifiedSince && lastModified &&
               isAtMost(*conditions.ifModifiedSince, *lastModified)) {
        return kNotModified;
    }
    return kOk;
}

bool rangeStillMeant(std::string_view ifRange, std::string_view tag, HttpTime lastModified) {
    if (isEntityTag(ifRange)) {
        return hasTag(ifRange, tag, true);
    }
    return parseHttpDate(ifRange) == lastModified;
}

}  // namespace marline::http::detail
