#include <marline/protocols/http/detail/multipart_parser.hpp>

#include <algorithm>
#include <stdexcept>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http::detail {
namespace {

constexpr std::size_t kPartFields = 16;
// RFC 2046 §5.1.1.
constexpr std::size_t kLongestBoundary = 70;

[[noreturn]] void refuse(const char* why) {
    throw HttpError(kBadRequest, std::string("the multipart body is malformed: ") + why);
}

Headers parseFields(std::string_view head) {
    Headers fields;
    while (!head.empty()) {
        const std::size_t end = head.find("\r\n");
        const std::string_view line = head.substr(0, end);
        head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 2);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || fields.size() == kPartFields) {
            refuse("a part's head");
        }
        try {
            fields.addRawHeader(line.substr(0, colon), line.substr(colon + 1));
        } catch (const std::invalid_argument&) {
            refuse("a part's head");
        }
    }
    return fields;
}

/// Takes a parameter's value off the front of `rest`.
std::string takeValue(std::string_view& rest) {
    std::string value;
    if (!rest.starts_with('"')) {
        const std::string_view token = trimBlanks(rest.substr(0, rest.find(';')));
        return value.assign(token);
    }
    std::size_t at = 1;
    while (at < rest.size() && rest[at] != '"') {
        const bool escape = rest[at] == '\\' && at + 1 < rest.size() &&
                            (rest[at + 1] == '"' || rest[at + 1] == '\\');
        at += escape ? 1 : 0;
        value += rest[at++];
    }
    rest.remove_prefix(at);
    return value;
}

}  // namespace

std::string parameterOf(std::string_view field, std::string_view name) {
    for (std::size_t semicolon = field.find(';'); semicolon != std::string_view::npos;
         semicolon = field.find(';')) {
        field = trimBlanks(field.substr(semicolon + 1));
        const std::size_t equals = field.find_first_of("=;");
        if (equals == std::string_view::npos || field[equals] != '=') {
            continue;
        }
        const std::string_view known = trimBlanks(field.substr(0, equals));
        field = trimBlanks(field.substr(equals + 1));
        std::string value = takeValue(field);
        if (sameFieldName(known, name)) {
            return value;
        }
    }
    return {};
}

MultipartParser::MultipartParser(std::string_view boundary, std::size_t maxHead,
                                 MultipartParts& parts)
    : parts_(parts), delimiter_("\r\n--" + std::string(boundary)), maxHead_(maxHead),
      waiting_("\r\n") {
    if (boundary.empty() || boundary.size() > kLongestBoundary) {
        refuse("its boundary is not of 1 to 70 bytes");
    }
}

void MultipartParser::write(std::string_view piece) {
    if (state_ == State::Epilogue) {
        return;
    }
    waiting_ += piece;
    while (step()) {
    }
}

/// True when there may be more to read in what is waiting.
bool MultipartParser::step() {
    switch (state_) {
    case State::Preamble: return skipToDelimiter(false);
    case State::Data: return skipToDelimiter(true);
    case State::Delimiter: return readDelimiterEnd();
    case State::Head: return readHead();
    case State::Epilogue: waiting_ = {}; return false;
    }
    return false;
}

bool MultipartParser::skipToDelimiter(bool data) {
    const std::size_t at = waiting_.find(delimiter_);
    const bool found = at != std::string::npos;
    // What may be the beginning of a delimiter waits for the rest of it.
    const std::size_t kept = delimiter_.size() - 1;
    const std::size_t end = found ? at : waiting_.size() > kept ? waiting_.size() - kept : 0;
    if (data && end > 0) {
        parts_.partData(std::string_view(waiting_).substr(0, end));
    }
    waiting_.erase(0, found ? end + delimiter_.size() : end);
    if (found && data) {
        parts_.partEnds();
    }
    if (found) {
        state_ = State::Delimiter;
    }
    return found;
}

bool MultipartParser::readDelimiterEnd() {
    if (waiting_.size() >= 2 && waiting_.starts_with("--")) {
        state_ = State::Epilogue;
        return true;
    }
    const std::size_t end = std::min(waiting_.find_first_not_of(" \t"), waiting_.size());
    if (end > maxHead_) {
        refuse("blanks behind a boundary");
    }
    if (waiting_.size() < end + 2) {
        return false;
    }
    if (waiting_.compare(end, 2, "\r\n") != 0) {
        refuse("something stands behind a boundary");
    }
    waiting_.erase(0, end + 2);
    state_ = State::Head;
    return true;
}

bool MultipartParser::readHead() {
    const std::size_t end = waiting_.starts_with("\r\n") ? 0 : waiting_.find("\r\n\r\n");
    if (end == std::string::npos ? waiting_.size() > maxHead_ + 3 : end > maxHead_) {
        throw HttpError(kHeaderFieldsTooLarge, "a part's head is larger than FormLimits::partHead");
    }
    if (end == std::string::npos) {
        return false;
    }
    Headers fields = parseFields(std::string_view(waiting_).substr(0, end));
    waiting_.erase(0, end == 0 ? 2 : end + 4);
    state_ = State::Data;
    parts_.partBegins(std::move(fields));
    return true;
}

void MultipartParser::finish() const {
    if (state_ != State::Epilogue) {
        refuse("it has no end");
    }
}

}  // namespace marline::http::detail
