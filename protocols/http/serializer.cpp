#include <marline/protocols/http/serializer.hpp>

#include <marline/protocols/http/detail/field_check.hpp>
#include <marline/protocols/http/detail/framing.hpp>
#include <marline/protocols/http/detail/lower_case.hpp>
#include <marline/protocols/http/detail/scan.hpp>
#include <marline/protocols/http/detail/start_line.hpp>

#include <charconv>
#include <stdexcept>

namespace marline::http {

namespace {

constexpr std::string_view kCrlf = "\r\n";

/// The largest text of a 64-bit number in base 10.
constexpr std::size_t kMostDigits = 20;

void appendNumber(std::string& out, std::uint64_t number, int base) {
    char digits[kMostDigits];
    const auto result = std::to_chars(digits, digits + kMostDigits, number, base);
    out.append(digits, result.ptr);
}

void putField(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append(kCrlf);
}

void appendFraming(std::string& out, BodyLength length) {
    if (length.kind() == BodyLength::Kind::Known) {
        out.append("Content-Length: ");
        appendNumber(out, length.bytes(), 10);
        out.append(kCrlf);
    } else if (length.kind() == BodyLength::Kind::Chunked) {
        out.append("Transfer-Encoding: chunked\r\n");
    }
}

void appendFields(std::string& out, const Headers& fields) {
    // Headers has checked names and values when they were added.
    for (const FieldView field : fields)
        putField(out, field.name, field.value);
    out.append(kCrlf);
}

/// Refuses framing fields that would stand beside the one that `length` writes.
void checkFraming(const Headers& fields, BodyLength length, Version version) {
    for (const FieldView field : fields) {
        if (detail::equalsWord(field.name, "content-length") ||
            detail::equalsWord(field.name, "transfer-encoding"))
            throw std::invalid_argument("header " + detail::quoted(field.name) +
                                        " is written from the BodyLength, not from the fields");
    }
    if (length.kind() == BodyLength::Kind::Chunked && version == Version::Http10)
        throw std::invalid_argument("BodyLength::chunked() in an HTTP/1.0 message");
}

void checkRequestLine(std::string_view method, std::string_view target) {
    if (!detail::isToken(method))
        throw std::invalid_argument("request method " + detail::quoted(method) + " is not a token");
    const ParseReason reason = detail::checkTarget(method, target);
    if (reason != ParseReason::None)
        throw std::invalid_argument("request target " + detail::quoted(target) + " for " +
                                    detail::quoted(method) + ": " + ParseError(reason).what());
}

void checkHost(const Headers& fields, Version version) {
    std::size_t hosts = 0;
    for (const FieldView field : fields)
        hosts += detail::equalsWord(field.name, "host") ? 1U : 0U;
    if (hosts > 1 || (hosts == 0 && version == Version::Http11))
        throw std::invalid_argument("a request needs exactly one Host, not " +
                                    std::to_string(hosts));
}

void checkResponse(int code, std::string_view phrase, BodyLength length) {
    if (code < 100 || code > 999)
        throw std::invalid_argument("status code " + std::to_string(code) +
                                    " is not of 100 to 999");
    if (!detail::isValue(phrase))
        throw std::invalid_argument("status phrase " + detail::quoted(phrase) +
                                    " has a control character");
    const bool framed =
        length.kind() == BodyLength::Kind::Known || length.kind() == BodyLength::Kind::Chunked;
    if (framed && (code < 200 || code == 204))
        throw std::invalid_argument("status " + std::to_string(code) + " takes no body");
}

}  // namespace

void appendRequestHead(std::string& out, std::string_view method, std::string_view target,
                       const Headers& fields, BodyLength length, Version version) {
    if (length.kind() == BodyLength::Kind::UntilClose)
        throw std::invalid_argument("BodyLength::untilClose() in a request");
    checkRequestLine(method, target);
    checkFraming(fields, length, version);
    checkHost(fields, version);
    out.append(method).append(" ").append(target).append(" ").append(versionText(version));
    out.append(kCrlf);
    appendFraming(out, length);
    appendFields(out, fields);
}

void appendResponseHead(std::string& out, int code, std::string_view phrase, const Headers& fields,
                        BodyLength length, Version version) {
    checkResponse(code, phrase, length);
    checkFraming(fields, length, version);
    out.append(versionText(version)).append(" ");
    appendNumber(out, static_cast<std::uint64_t>(code), 10);
    out.append(" ").append(phrase).append(kCrlf);
    appendFraming(out, length);
    appendFields(out, fields);
}

void appendField(std::string& out, std::string_view name, std::string_view value) {
    detail::checkField(name, value);
    putField(out, name, detail::trimBlanks(value));
}

void appendChunkHead(std::string& out, std::uint64_t bytes) {
    if (bytes == 0)
        throw std::invalid_argument("a chunk of 0 bytes would end the body");
    appendNumber(out, bytes, 16);
    out.append(kCrlf);
}

void appendChunk(std::string& out, std::span<const std::byte> data) {
    if (data.empty())
        return;
    appendChunkHead(out, data.size());
    out.append(reinterpret_cast<const char*>(data.data()), data.size()).append(kChunkEnd);
}

void appendLastChunk(std::string& out, const Headers& trailers) {
    for (const FieldView field : trailers) {
        if (detail::isForbiddenTrailer(field.name))
            throw std::invalid_argument("header " + detail::quoted(field.name) +
                                        " frames or routes a message and cannot be a trailer");
    }
    out.append("0\r\n");
    appendFields(out, trailers);
}

}  // namespace marline::http
