#include <marline/protocols/http/detail/response_head.hpp>

#include <charconv>
#include <stdexcept>

#include <marline/protocols/http/detail/lower_case.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http::detail {
namespace {

constexpr std::string_view kDate = "date";
constexpr std::string_view kConnection = "connection";
constexpr std::string_view kContentType = "content-type";
constexpr std::string_view kContentLength = "content-length";
constexpr std::string_view kTransferEncoding = "transfer-encoding";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";
/// The largest text of a 64-bit number in base 10.
constexpr std::size_t kMostDigits = 20;

void appendNumber(std::string& out, std::uint64_t number) {
    char digits[kMostDigits];
    const auto result = std::to_chars(digits, digits + kMostDigits, number);
    out.append(digits, result.ptr);
}

void appendLine(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(value).append("\r\n");
}

std::uint64_t lengthOf(std::string_view value) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error != std::errc() || end != value.data() + value.size()) {
        throw std::invalid_argument("the response's Content-Length is no number: " +
                                    std::string(value));
    }
    return length;
}

bool hasClose(std::string_view value) noexcept {
    while (!value.empty()) {
        const std::size_t comma = value.find(',');
        std::string_view word = value.substr(0, comma);
        value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
        while (word.starts_with(' ') || word.starts_with('\t')) {
            word.remove_prefix(1);
        }
        while (word.ends_with(' ') || word.ends_with('\t')) {
            word.remove_suffix(1);
        }
        if (equalsWord(word, "close")) {
            return true;
        }
    }
    return false;
}

}  // namespace

OwnFields ownFieldsOf(const Headers& fields) {
    OwnFields own;
    for (const auto& [name, value] : fields) {
        switch (name.size()) {
        case kDate.size(): own.date |= equalsWord(name, kDate); break;
        case kConnection.size():
            if (equalsWord(name, kConnection)) {
                own.connection = true;
                own.close |= hasClose(value);
            }
            break;
        case kContentType.size(): own.contentType |= equalsWord(name, kContentType); break;
        case kContentLength.size():
            if (equalsWord(name, kContentLength)) {
                if (own.contentLength) {
                    throw std::invalid_argument("the response has more than one Content-Length");
                }
                own.contentLength = lengthOf(value);
            }
            break;
        case kTransferEncoding.size():
            if (equalsWord(name, kTransferEncoding)) {
                throw std::invalid_argument(
                    "Transfer-Encoding is written by the server, not by the handler");
            }
            break;
        default: break;
        }
    }
    return own;
}

void appendServerHead(std::string& out, const ServerHead& head, const Headers& fields) {
    if (head.code == 200 && head.phrase.empty()) {
        out.append(kOk);
    } else {
        out.append("HTTP/1.1 ");
        appendNumber(out, static_cast<std::uint64_t>(head.code));
        appendLine(out, " ", head.phrase.empty() ? statusPhrase(head.code) : head.phrase);
    }
    if (!head.date.empty()) {
        appendLine(out, "Date: ", head.date);
    }
    if (head.length.kind() == BodyLength::Kind::Known) {
        out.append("Content-Length: ");
        appendNumber(out, head.length.bytes());
        out.append("\r\n");
    } else if (head.length.kind() == BodyLength::Kind::Chunked) {
        out.append("Transfer-Encoding: chunked\r\n");
    }
    if (!head.contentType.empty()) {
        appendLine(out, "Content-Type: ", head.contentType);
    }
    if (!head.connection.empty()) {
        appendLine(out, "Connection: ", head.connection);
    }
    for (const auto& [name, value] : fields) {
        if (name.size() != kContentLength.size() || !equalsWord(name, kContentLength)) {
            out.append(name).append(": ").append(value).append("\r\n");
        }
    }
    out.append("\r\n");
}

}  // namespace marline::http::detail
