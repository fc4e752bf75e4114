#include <marline/protocols/http/parse_error.hpp>

#include <array>
#include <cstddef>
#include <string>

namespace marline::http {

namespace {

/// A limit, so that the error can name the knob and its value.
struct Knob {
    const char* name = nullptr;
    std::uint64_t (*value)(const WireLimits&) = nullptr;
};

template <auto Member>
constexpr Knob knob(const char* name) {
    return {name, [](const WireLimits& limits) -> std::uint64_t { return limits.*Member; }};
}

struct Row {
    ParseReason reason;
    int status;
    const char* text;
    Knob limit = {};
};

constexpr Knob kRequestLine = knob<&WireLimits::requestLine>("WireLimits::requestLine");

constexpr std::array<Row, kParseReasonCount> kRows{{
    {ParseReason::None, 0, "no error"},
    {ParseReason::ExtraEmptyLine, 400, "more than one empty line before the request line"},
    {ParseReason::RequestLineTooLong, 414, "the request line is too long", kRequestLine},
    {ParseReason::BadMethod, 400, "the method is not a token"},
    {ParseReason::BadTarget, 400, "the request target is empty or has a forbidden byte"},
    {ParseReason::BadTargetForm, 400, "the method does not take a request target of this form"},
    {ParseReason::BadVersion, 400, "the request line does not end in HTTP/1.0 or HTTP/1.1"},
    {ParseReason::UnsupportedVersion, 505, "the version is neither HTTP/1.0 nor HTTP/1.1"},
    {ParseReason::StatusLineTooLong, 502, "the status line is too long", kRequestLine},
    {ParseReason::BadStatusLine, 502, "the response does not begin with an HTTP/1 status line"},
    {ParseReason::HeaderBlockTooLong, 431, "the header fields are too long",
     knob<&WireLimits::headerBlock>("WireLimits::headerBlock")},
    {ParseReason::TooManyHeaderFields, 431, "there are too many header fields",
     knob<&WireLimits::headerFields>("WireLimits::headerFields")},
    {ParseReason::BareCr, 400, "a carriage return without a line feed"},
    {ParseReason::BareLf, 400, "a line feed without a carriage return"},
    {ParseReason::ObsoleteFold, 400, "a field line begins with white space"},
    {ParseReason::MissingColon, 400, "a field line has no colon"},
    {ParseReason::EmptyFieldName, 400, "a field line has no name before its colon"},
    {ParseReason::SpaceBeforeColon, 400, "white space between a field name and its colon"},
    {ParseReason::BadFieldName, 400, "a field name is not a token"},
    {ParseReason::BadFieldValue, 400, "a field value has a control character"},
    {ParseReason::MissingHost, 400, "an HTTP/1.1 request without Host"},
    {ParseReason::RepeatedHost, 400, "more than one Host"},
    {ParseReason::BadHost, 400, "Host is not host[:port]"},
    {ParseReason::BadContentLength, 400, "Content-Length is not one number that fits"},
    {ParseReason::RepeatedContentLength, 400, "more than one Content-Length"},
    {ParseReason::RepeatedTransferEncoding, 400, "more than one Transfer-Encoding"},
    {ParseReason::UnsupportedTransferEncoding, 501, "Transfer-Encoding other than chunked"},
    {ParseReason::TransferEncodingInHttp10, 400, "Transfer-Encoding in an HTTP/1.0 message"},
    {ParseReason::ContentLengthWithTransferEncoding, 400,
     "both Content-Length and Transfer-Encoding"},
    {ParseReason::ConnectWithBody, 400, "a CONNECT request with a body"},
    {ParseReason::BodyTooLarge, 413, "the body is larger than WireLimits::body or limitBody()"},
    {ParseReason::BadChunkSize, 400, "a chunk size is not a hexadecimal number that fits"},
    {ParseReason::BadChunkExtension, 400, "a malformed chunk extension"},
    {ParseReason::ChunkLineTooLong, 400, "a chunk-size line is too long",
     knob<&WireLimits::chunkLine>("WireLimits::chunkLine")},
    {ParseReason::ChunkExtensionsTooLong, 413, "the chunk extensions of a body are too long",
     knob<&WireLimits::chunkExtensions>("WireLimits::chunkExtensions")},
    {ParseReason::MissingChunkEnd, 400, "a chunk's data is not followed by CRLF"},
    {ParseReason::TrailerBlockTooLong, 431, "the trailers are too long",
     knob<&WireLimits::trailerBlock>("WireLimits::trailerBlock")},
    {ParseReason::TooManyTrailerFields, 431, "there are too many trailers",
     knob<&WireLimits::trailerFields>("WireLimits::trailerFields")},
    {ParseReason::ForbiddenTrailer, 400, "a trailer that frames or routes the message"},
    {ParseReason::UnsolicitedResponse, 502, "bytes arrived when no response was due"},
    {ParseReason::UnexpectedUpgrade, 502, "101 Switching Protocols to a request without Upgrade"},
    {ParseReason::InformationalWithBody, 502, "an informational response that announces a body"},
    {ParseReason::TooManyInformational, 502,
     "too many informational responses before the final one",
     knob<&WireLimits::informationalHeads>("WireLimits::informationalHeads")},
}};

constexpr bool rowsAreInOrder() {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
        if (kRows[i].reason != static_cast<ParseReason>(i))
            return false;
    }
    return true;
}
static_assert(rowsAreInOrder(), "kRows must list every ParseReason in order");

const Row& rowOf(ParseReason reason) noexcept { return kRows[static_cast<std::size_t>(reason)]; }

std::string wordsFor(ParseReason reason, const WireLimits& limits) {
    const Row& row = rowOf(reason);
    std::string words = row.text;
    if (row.limit.name != nullptr) {
        words += ": more than " + std::to_string(row.limit.value(limits)) + ", set by ";
        words += row.limit.name;
    }
    return words;
}

}  // namespace

int statusFor(ParseReason reason) noexcept { return rowOf(reason).status; }

ParseError::ParseError(ParseReason reason, const WireLimits& limits)
    : Error(wordsFor(reason, limits)), reason_(reason) {}

}  // namespace marline::http
