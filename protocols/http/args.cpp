#include <marline/protocols/http/args.hpp>

#include <algorithm>

#include <marline/protocols/http/detail/path.hpp>

namespace marline::http {
namespace {

/// Percent-decoded, and with a space for each `+`.
std::string decoded(std::string_view text) {
    std::string plain(text);
    std::replace(plain.begin(), plain.end(), '+', ' ');
    std::string out;
    out.reserve(plain.size());
    detail::appendDecoded(out, plain);
    return out;
}

}  // namespace

std::optional<std::string_view> Args::get(std::string_view name) const noexcept {
    for (const auto& [known, value] : entries_) {
        if (known == name) {
            return value;
        }
    }
    return std::nullopt;
}

std::vector<std::string_view> Args::getAll(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [known, value] : entries_) {
        if (known == name) {
            values.emplace_back(value);
        }
    }
    return values;
}

void Args::remove(std::string_view name) {
    std::erase_if(entries_, [name](const Entry& entry) { return entry.first == name; });
}

bool Args::addEncoded(std::string_view text, std::size_t max) {
    while (!text.empty()) {
        const std::size_t end = text.find('&');
        const std::string_view pair = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) {
            continue;
        }
        if (entries_.size() >= max) {
            return false;
        }
        add(decoded(pair.substr(0, equals)), decoded(pair.substr(equals + 1)));
    }
    return true;
}

}  // namespace marline::http
