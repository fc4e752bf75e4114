#include <marline/protocols/http/detail/path.hpp>

#include <marline/protocols/http/detail/characters.hpp>

namespace marline::http::detail {

std::string_view pathOf(std::string_view target) noexcept {
    std::string_view path = target.substr(0, target.find('?'));
    if (path.starts_with('/')) {
        return path;
    }
    const std::size_t scheme = path.find("://");
    if (scheme == std::string_view::npos) {
        return path;
    }
    const std::size_t slash = path.find('/', scheme + 3);
    return slash == std::string_view::npos ? "/" : path.substr(slash);
}

std::string_view queryOf(std::string_view target) noexcept {
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
}

void appendDecoded(std::string& out, std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hexValue(text[i + 1]) : -1;
        const int low = high >= 0 ? hexValue(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
}

}  // namespace marline::http::detail
