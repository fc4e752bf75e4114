#include <marline/protocols/http/detail/start_line.hpp>

#include <marline/protocols/http/detail/authority.hpp>
#include <marline/protocols/http/detail/scan.hpp>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace marline::http::detail {

namespace {

constexpr std::size_t kVersionLength = 8;

std::string_view between(const char* begin, const char* end) noexcept {
    return {begin, static_cast<std::size_t>(end - begin)};
}

/// Reads `HTTP/1.0` or `HTTP/1.1`; otherwise says whether it is a version at all.
ParseReason readVersion(std::string_view text, Version& version) noexcept {
    if (text == "HTTP/1.1") {
        version = Version::Http11;
        return ParseReason::None;
    }
    if (text == "HTTP/1.0") {
        version = Version::Http10;
        return ParseReason::None;
    }
    const bool wellFormed = text.size() == kVersionLength && text.starts_with("HTTP/") &&
                            isDigit(text[5]) && text[6] == '.' && isDigit(text[7]);
    return wellFormed ? ParseReason::UnsupportedVersion : ParseReason::BadVersion;
}

/// The end of the target at `at`. Browsers leave a backslash in a query as it is; in a path it
/// would be a second spelling of the slash.
const char* findTargetEnd(const char* at, const char* end) noexcept {
    const char* const start = at;
    at = skipTarget(at, end);
    while (at != end && *at == '\\' &&
           std::memchr(start, '?', static_cast<std::size_t>(at - start)) != nullptr)
        at = skipTarget(at + 1, end);
    return at;
}

LineStep failed(ParseReason& reason, ParseReason why) noexcept {
    reason = why;
    return LineStep::Failed;
}

LineStep readRequestVersion(const char*& at, const char* end, Version& version,
                            ParseReason& reason) noexcept {
    const char* lineEnd = at;
    while (lineEnd != end && *lineEnd > 0x20 && *lineEnd < 0x7f)
        ++lineEnd;
    if (lineEnd == end)
        return LineStep::Incomplete;
    const std::string_view text = between(at, lineEnd);
    if (*lineEnd != '\r' && *lineEnd != '\n')
        return failed(reason, ParseReason::BadVersion);
    const LineStep step = readLineEnd(lineEnd, end, reason);
    if (step != LineStep::More)
        return step;
    if (const ParseReason why = readVersion(text, version); why != ParseReason::None)
        return failed(reason, why);
    at = lineEnd;
    return LineStep::More;
}

}  // namespace

LineStep readRequestLine(const char*& at, const char* end, RequestHead& head, ParseReason& reason) {
    const char* const methodEnd = skipToken(at, end);
    if (methodEnd == end)
        return LineStep::Incomplete;
    if (*methodEnd != ' ' || methodEnd == at)
        return failed(reason, ParseReason::BadMethod);
    const char* const target = methodEnd + 1;
    const char* const targetEnd = findTargetEnd(target, end);
    if (targetEnd == end)
        return LineStep::Incomplete;
    if (*targetEnd != ' ' || targetEnd == target) {
        const bool noVersion = targetEnd != target && (*targetEnd == '\r' || *targetEnd == '\n');
        return failed(reason, noVersion ? ParseReason::BadVersion : ParseReason::BadTarget);
    }
    const char* lineEnd = targetEnd + 1;
    const LineStep step = readRequestVersion(lineEnd, end, head.version, reason);
    if (step != LineStep::More)
        return step;
    head.method = between(at, methodEnd);
    head.target = between(target, targetEnd);
    if (const ParseReason why = classifyTarget(head); why != ParseReason::None)
        return failed(reason, why);
    at = lineEnd;
    return LineStep::More;
}

ParseReason checkTarget(std::string_view method, std::string_view target) noexcept {
    const char* const end = target.data() + target.size();
    if (target.empty() || findTargetEnd(target.data(), end) != end)
        return ParseReason::BadTarget;
    RequestHead head;
    head.method = method;
    head.target = target;
    return classifyTarget(head);
}

LineStep readStatusLine(const char*& at, const char* end, ResponseHead& head, ParseReason& reason) {
    const char* lineEnd = skipValue(at, end);
    if (lineEnd == end)
        return LineStep::Incomplete;
    const std::string_view line = between(at, lineEnd);
    if (*lineEnd != '\r' && *lineEnd != '\n')
        return failed(reason, ParseReason::BadStatusLine);
    const LineStep step = readLineEnd(lineEnd, end, reason);
    if (step != LineStep::More)
        return step;

    constexpr std::size_t kCodeAt = kVersionLength + 1;
    constexpr std::size_t kCodeEnd = kCodeAt + 3;
    if (line.size() < kCodeEnd || line[kVersionLength] != ' ')
        return failed(reason, ParseReason::BadStatusLine);
    const ParseReason why = readVersion(line.substr(0, kVersionLength), head.version);
    if (why != ParseReason::None)
        return failed(reason, why == ParseReason::BadVersion ? ParseReason::BadStatusLine : why);
    const std::string_view code = line.substr(kCodeAt, 3);
    const bool isCode = code[0] >= '1' && isDigit(code[0]) && isDigit(code[1]) && isDigit(code[2]);
    if (!isCode || (line.size() > kCodeEnd && line[kCodeEnd] != ' '))
        return failed(reason, ParseReason::BadStatusLine);
    head.code =
        static_cast<std::uint16_t>((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
    head.phrase = line.size() > kCodeEnd ? line.substr(kCodeEnd + 1) : std::string_view();
    at = lineEnd;
    return LineStep::More;
}

}  // namespace marline::http::detail
