#include <marline/protocols/redis/value.hpp>

#include <charconv>
#include <limits>
#include <utility>

namespace marline::redis {
namespace {

constexpr std::string_view kEnd = "\r\n";
// The longest line that is no bulk: RESP's lines are short, but for errors and big numbers.
constexpr std::size_t kMaxLine = 64 * 1024;
constexpr std::uint64_t kMaxItems = std::numeric_limits<std::uint32_t>::max();

[[noreturn]] void refuse(const std::string& what) { throw ProtocolError("Redis: " + what); }

template <class T>
T numberOf(std::string_view text) {
    T number{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stop != text.data() + text.size()) {
        refuse("'" + std::string(text.substr(0, 40)) + "' is no number of RESP");
    }
    return number;
}

/// The count of a bulk or an aggregate; none for the null of RESP2.
std::optional<std::uint64_t> countOf(std::string_view text) {
    if (text == "-1") {
        return {};
    }
    const auto count = numberOf<std::uint64_t>(text);
    if (count > kMaxItems) {
        refuse("a reply of " + std::string(text) + " bytes or items");
    }
    return count;
}

bool isBulk(char type) noexcept { return type == '$' || type == '=' || type == '!'; }
bool isAggregate(char type) noexcept {
    return std::string_view("*%~>|").find(type) != std::string_view::npos;
}
std::uint64_t itemsOf(char type, std::uint64_t count) noexcept {
    return type == '%' || type == '|' ? 2 * count : count;
}

/// Takes values off the front of a whole reply.
class Reader {
public:
    explicit Reader(std::string_view data) noexcept : rest_(data) {}

    Value read(std::size_t depth) {
        if (depth > kMaxReplyDepth) {
            refuse("a reply that is nested more deeply than " + std::to_string(kMaxReplyDepth) +
                   " (kMaxReplyDepth)");
        }
        const char type = rest_.front();
        const std::string_view line = take(rest_.find(kEnd)).substr(1);
        if (isBulk(type)) {
            return bulk(type, line);
        }
        if (isAggregate(type)) {
            return aggregate(type, line, depth);
        }
        return scalar(type, line);
    }

private:
    /// What is before the next end of line, which is taken off as well.
    std::string_view take(std::size_t length) {
        const std::string_view part = rest_.substr(0, length);
        rest_.remove_prefix(length + kEnd.size());
        return part;
    }

    Value bulk(char type, std::string_view line) {
        const auto length = countOf(line);
        if (!length) {
            return {};
        }
        std::string_view text = take(*length);
        if (type == '=') {
            text.remove_prefix(std::min<std::size_t>(text.size(), 4));  // `txt:`
        }
        return {.kind = type == '!' ? Value::Kind::Error : Value::Kind::String,
                .text = std::string(text)};
    }

    Value aggregate(char type, std::string_view line, std::size_t depth) {
        const auto count = countOf(line);
        if (!count) {
            return {};
        }
        Value value;
        for (std::uint64_t i = itemsOf(type, *count); i > 0; --i) {
            value.items.push_back(read(depth + 1));
        }
        switch (type) {
        case '%': value.kind = Value::Kind::Map; break;
        case '~': value.kind = Value::Kind::Set; break;
        case '>': value.kind = Value::Kind::Push; break;
        case '|':
            return read(depth);  // attributes of the value behind them, which nobody asked for
        default: value.kind = Value::Kind::Array;
        }
        return value;
    }

    static Value scalar(char type, std::string_view line) {
        switch (type) {
        case '-': return {.kind = Value::Kind::Error, .text = std::string(line)};
        case ':': return {.kind = Value::Kind::Integer, .integer = numberOf<std::int64_t>(line)};
        case ',': return {.kind = Value::Kind::Double, .number = numberOf<double>(line)};
        case '#':
            if (line != "t" && line != "f") {
                refuse("a boolean that is neither t nor f");
            }
            return {.kind = Value::Kind::Boolean, .integer = line == "t" ? 1 : 0};
        case '_': return {};
        default: return {.kind = Value::Kind::String, .text = std::string(line)};
        }
    }

    std::string_view rest_;
};

}  // namespace

std::string& Value::string() {
    if (kind != Kind::String) {
        throw UnexpectedReply("Redis: the reply is no string");
    }
    return text;
}

std::int64_t Value::toInteger() const {
    if (kind != Kind::Integer) {
        throw UnexpectedReply("Redis: the reply is no integer");
    }
    return integer;
}

std::optional<std::size_t> ReplyScanner::scan(std::string_view data) {
    while (missing_ > 0) {
        if (!scanOne(data)) {
            return {};
        }
    }
    missing_ = 1;
    return std::exchange(at_, 0);
}

/// Passes over one value, or the beginning of an aggregate; false when there is more to come.
bool ReplyScanner::scanOne(std::string_view data) {
    const std::string_view rest = data.substr(at_);
    if (rest.empty()) {
        return false;
    }
    const char type = rest.front();
    if (std::string_view("+-:$*_#,(!=%~>|").find(type) == std::string_view::npos) {
        refuse("what came is no RESP");
    }
    const std::size_t end = rest.substr(0, kMaxLine).find(kEnd);
    if (end == std::string_view::npos) {
        if (rest.size() >= kMaxLine) {
            refuse("a line of more than " + std::to_string(kMaxLine) + " bytes");
        }
        return false;
    }
    std::size_t length = end + kEnd.size();
    const auto count =
        isBulk(type) || isAggregate(type) ? countOf(rest.substr(1, end - 1)) : std::nullopt;
    if (count && isBulk(type)) {
        length += *count + kEnd.size();
        if (rest.size() < length) {
            return false;
        }
        if (rest.substr(length - kEnd.size(), kEnd.size()) != kEnd) {
            refuse("a bulk string does not end where its length says");
        }
    } else if (count) {
        missing_ += itemsOf(type, *count);
        if (missing_ > kMaxItems) {
            refuse("a reply of more than " + std::to_string(kMaxItems) + " values");
        }
    }
    missing_ -= type == '|' ? 0 : 1;
    at_ += length;
    return true;
}

Value readReply(std::string_view data) { return Reader(data).read(1); }

}  // namespace marline::redis
