// CookieJar as JSON.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <marline/agent/cookie_jar.hpp>
#include <marline/agent/detail/set_cookie.hpp>
#include <marline/agent/detail/whole_file.hpp>
#include <marline/protocols/detail/text.hpp>

#include <nlohmann/json.hpp>

namespace marline {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<http::SameSite, std::string_view> kSameSite[] = {
    {http::SameSite::Default, "default"},
    {http::SameSite::Lax, "lax"},
    {http::SameSite::Strict, "strict"},
    {http::SameSite::None, "none"}};

/// Bytes as a text of JSON, each as the character of its number: cookies need not be UTF-8, and
/// come back as they were.
std::string textOfBytes(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            text += c;
        } else {
            text += static_cast<char>(0xC0 | (byte >> 6));
            text += static_cast<char>(0x80 | (byte & 0x3F));
        }
    }
    return text;
}

/// The way back; nothing when a character is above U+00FF.
std::optional<std::string> bytesOfText(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto lead = static_cast<unsigned char>(text[i]);
        if (lead < 0x80) {
            bytes += text[i];
        } else if (lead < 0xC4) {  // the parser gives whole UTF-8
            bytes +=
                static_cast<char>((lead << 6) | (static_cast<unsigned char>(text[++i]) & 0x3F));
        } else {
            return std::nullopt;
        }
    }
    return bytes;
}

/// One cookie's object, on its way into a StoredCookie; the first field that is wrong is kept.
class CookieReader {
public:
    explicit CookieReader(const Json& object) : object_(object) {}

    /// A text of bytes.
    std::string text(const char* name) {
        const Json* value = find(name, "a text", &Json::is_string);
        std::optional<std::string> bytes =
            value != nullptr ? bytesOfText(value->get_ref<const std::string&>()) : std::string();
        if (!bytes) {
            refuse(name, "a text of characters up to U+00FF, which stand for bytes");
        }
        return std::move(bytes).value_or("");
    }
    bool flag(const char* name) {
        const Json* value = find(name, "true or false", &Json::is_boolean);
        return value != nullptr && value->get<bool>();
    }
    /// Seconds since 1970, or null.
    std::optional<http::HttpTime> time(const char* name) {
        const auto found = object_.find(name);
        if (found != object_.end() && found->is_null()) {
            return std::nullopt;
        }
        const Json* value = find(name, "seconds since 1970, or null", &Json::is_number_integer);
        if (value == nullptr) {
            return std::nullopt;
        }
        constexpr std::int64_t kLast = detail::kLastExpiry.count();
        const auto seconds = value->is_number_unsigned() && value->get<std::uint64_t>() > kLast
                                 ? kLast
                                 : std::max<std::int64_t>(value->get<std::int64_t>(), 0);
        return http::HttpTime(std::chrono::seconds(std::min(seconds, kLast)));
    }
    http::SameSite sameSite(const char* name) {
        const Json* value = find(name, "a text", &Json::is_string);
        for (const auto& [site, word] : kSameSite) {
            if (value != nullptr && *value == word) {
                return site;
            }
        }
        refuse(name, "default, lax, strict or none");
        return http::SameSite::Default;
    }
    /// Remembers that `name` is to be something else, unless something was wrong before.
    void refuse(const char* name, const char* expected) {
        if (problem_.empty()) {
            problem_ = std::string("'") + name + "' is not " + expected;
        }
    }
    const std::string& problem() const noexcept { return problem_; }

private:
    const Json* find(const char* name, const char* expected, bool (Json::*is)() const noexcept) {
        const auto found = object_.find(name);
        if (found == object_.end() || !((*found).*is)()) {
            refuse(name, expected);
            return nullptr;
        }
        return &*found;
    }

    const Json& object_;
    std::string problem_;
};

/// Takes a cookie from its object; says what is wrong with it, or nothing.
std::string readCookie(const Json& object, StoredCookie& cookie) {
    if (!object.is_object()) {
        return "it is no object";
    }
    CookieReader reader(object);
    cookie.name = reader.text("name");
    cookie.value = reader.text("value");
    cookie.domain = reader.text("domain");
    cookie.path = reader.text("path");
    cookie.expires = reader.time("expires");
    cookie.hostOnly = reader.flag("hostOnly");
    cookie.secure = reader.flag("secure");
    cookie.httpOnly = reader.flag("httpOnly");
    cookie.sameSite = reader.sameSite("sameSite");
    if (!detail::isCookieDomain(cookie.domain)) {
        reader.refuse("domain", "a host or a domain");
    }
    if (!cookie.path.starts_with('/') || !detail::isCookieText(cookie.path)) {
        reader.refuse("path",
                      "a path, which begins with a slash and has neither semicolons nor "
                      "control characters");
    }
    if (!detail::isCookieText(cookie.name) || cookie.name.find('=') != std::string::npos) {
        reader.refuse("name",
                      "what a cookie can be called: it has a semicolon, an equals sign, or "
                      "a control character");
    }
    if (!detail::isCookieText(cookie.value)) {
        reader.refuse("value", "what a cookie can have: it has a semicolon or a control character");
    }
    if (cookie.name.size() + cookie.value.size() > detail::kMaxCookieBytes) {
        reader.refuse("value", "short enough: name and value have 4096 bytes at most");
    }
    return reader.problem();
}

}  // namespace

std::string CookieJar::toJson() const {
    Json list = Json::array();
    for (const Entry& entry : entries_) {
        const StoredCookie& cookie = entry.cookie;
        Json expires;
        if (cookie.expires) {
            expires = cookie.expires->time_since_epoch().count();
        }
        list.push_back(Json{{"name", textOfBytes(cookie.name)},
                            {"value", textOfBytes(cookie.value)},
                            {"domain", textOfBytes(cookie.domain)},
                            {"path", textOfBytes(cookie.path)},
                            {"expires", std::move(expires)},
                            {"hostOnly", cookie.hostOnly},
                            {"secure", cookie.secure},
                            {"httpOnly", cookie.httpOnly},
                            {"sameSite", kSameSite[static_cast<int>(cookie.sameSite)].second}});
    }
    return Json{{"cookies", std::move(list)}}.dump(2) + "\n";
}

Result<std::size_t> CookieJar::addJson(std::string_view text) {
    Json whole;
    try {
        whole = Json::parse(text);
    } catch (const Json::exception& error) {  // it names line and column
        return Failure::make<Error>("the cookies are no JSON: " + detail::printable(error.what()));
    }
    const Json list = whole.is_object() ? whole.value("cookies", Json()) : Json();
    if (!list.is_array()) {
        return Failure::make<Error>("the JSON of the cookies has no array 'cookies'");
    }
    std::vector<StoredCookie> found(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (const std::string problem = readCookie(list[i], found[i]); !problem.empty()) {
            return Failure::make<Error>("cookie " + std::to_string(i + 1) +
                                        " of the JSON cannot be kept: " + problem);
        }
    }
    const http::HttpTime now = present();
    for (StoredCookie& cookie : found) {
        add(std::move(cookie), now);
    }
    return found.size();
}

void CookieJar::saveJson(const std::string& path) const { detail::writeWhole(path, toJson()); }

Result<std::size_t> CookieJar::loadJson(const std::string& path) {
    const Result<std::string> text = detail::readWhole(path, "cookies");
    return text.ok() ? addJson(text.value()) : Result<std::size_t>(text.failure());
}

}  // namespace marline
