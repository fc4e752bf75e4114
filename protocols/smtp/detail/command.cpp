#include <marline/protocols/smtp/detail/command.hpp>

#include <algorithm>

namespace marline::smtp::detail {
namespace {

constexpr std::size_t kMaxHelo = kMaxDomain;

/// Where the path ends that `text` begins with: at the `>` that is not inside of quotes.
std::size_t pathEnd(std::string_view text) {
    bool quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && quoted) {
            ++at;
        } else if (text[at] == '"') {
            quoted = !quoted;
        } else if (text[at] == '>' && !quoted) {
            return at;
        }
    }
    return std::string_view::npos;
}

/// `@one,@two:` before a mailbox is taken off.
bool skipRoute(std::string_view& path) {
    if (!path.starts_with('@')) {
        return true;
    }
    const std::size_t colon = path.find(':');
    if (colon == std::string_view::npos || colon + 1 == path.size()) {
        return false;
    }
    std::string_view route = path.substr(0, colon);
    path.remove_prefix(colon + 1);
    for (;;) {
        const std::size_t end = std::min(route.find(','), route.size());
        if (!MailAddress::parse("x" + std::string(route.substr(0, end)))) {
            return false;
        }
        if (end == route.size()) {
            return true;
        }
        route.remove_prefix(end + 1);
    }
}

}  // namespace

std::string_view takeWord(std::string_view& line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

std::string upper(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return out;
}

bool isHelo(std::string_view name) {
    return !name.empty() && name.size() <= kMaxHelo && std::ranges::all_of(name, [](char c) {
        return c > ' ' && c <= '~' && c != '(' && c != ')' && c != '<' && c != '>' && c != ';';
    });
}

std::optional<PathCommand> parsePath(std::string_view line, std::string_view prefix) {
    if (upper(line.substr(0, prefix.size())) != prefix) {
        return std::nullopt;
    }
    line.remove_prefix(prefix.size());
    const std::size_t end = line.starts_with('<') ? pathEnd(line) : std::string_view::npos;
    if (end == std::string_view::npos || end + 1 > kMaxPath) {
        return std::nullopt;
    }
    std::string_view path = line.substr(1, end - 1);
    line.remove_prefix(end + 1);
    if (!skipRoute(path) || (!line.empty() && !line.starts_with(' '))) {
        return std::nullopt;
    }
    PathCommand command;
    if (upper(path) == "POSTMASTER") {
        command.address.local = path;
    } else if (auto address = MailAddress::parse(path)) {
        command.address = std::move(*address);
    } else {
        return std::nullopt;
    }
    while (!line.empty()) {
        if (const std::string_view word = takeWord(line); !word.empty()) {
            command.parameters.push_back(word);
        }
    }
    return command;
}

}  // namespace marline::smtp::detail
