#include <marline/protocols/http/detail/framing.hpp>

#include <marline/protocols/http/detail/authority.hpp>
#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/detail/lower_case.hpp>

#include <algorithm>
#include <limits>

namespace marline::http::detail {

namespace {

// The fields that bear on framing; each is told by its length first.
constexpr std::string_view kHost = "host";
constexpr std::string_view kExpect = "expect";
constexpr std::string_view kUpgrade = "upgrade";
constexpr std::string_view kConnection = "connection";
constexpr std::string_view kContentLength = "content-length";
constexpr std::string_view kTransferEncoding = "transfer-encoding";

void noteHost(FramingFacts& facts, std::string_view value) noexcept {
    facts.repeatedHost |= facts.hasHost;
    facts.hasHost = true;
    facts.host = value;
}

ParseReason noteContentLength(FramingFacts& facts, std::string_view value) noexcept {
    if (facts.hasContentLength)
        return ParseReason::RepeatedContentLength;
    facts.hasContentLength = true;
    // Half of the unsigned range, so that a receiver may do signed arithmetic with it.
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    std::uint64_t length = 0;
    for (const char byte : value) {
        const auto digit = static_cast<unsigned>(byte - '0');
        if (!isDigit(byte) || length > (kMost - digit) / 10)
            return ParseReason::BadContentLength;
        length = length * 10 + digit;
    }
    facts.contentLength = length;
    return value.empty() ? ParseReason::BadContentLength : ParseReason::None;
}

ParseReason noteTransferEncoding(FramingFacts& facts, std::string_view value) noexcept {
    if (facts.chunked)
        return ParseReason::RepeatedTransferEncoding;
    facts.chunked = true;
    return equalsWord(value, "chunked") ? ParseReason::None
                                        : ParseReason::UnsupportedTransferEncoding;
}

void noteConnection(FramingFacts& facts, std::string_view value) noexcept {
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        const std::string_view option = trimBlanks(value.substr(0, comma));
        value.remove_prefix(std::min(comma + 1, value.size()));
        facts.close |= equalsWord(option, "close");
        facts.keepAlive |= equalsWord(option, "keep-alive");
        facts.connectionUpgrade |= equalsWord(option, kUpgrade);
    }
}

void noteExpect(FramingFacts& facts, std::string_view value) noexcept {
    const bool first = facts.expectation == Expectation::None;
    // The word has digits, which equalsWord() does not fold wrongly: 0x11 and 0x10 are no values.
    facts.expectation =
        first && equalsWord(value, "100-continue") ? Expectation::Continue : Expectation::Unknown;
}

bool staysOpen(const FramingFacts& facts, Version version) noexcept {
    return !facts.close && (version == Version::Http11 || facts.keepAlive);
}

/// What is wrong with the two framing fields together, in a message of either kind.
ParseReason contradiction(const FramingFacts& facts, Version version) noexcept {
    if (facts.chunked && facts.hasContentLength)
        return ParseReason::ContentLengthWithTransferEncoding;
    if (facts.chunked && version == Version::Http10)
        return ParseReason::TransferEncodingInHttp10;
    return ParseReason::None;
}

/// What is wrong with a request's Host (RFC 9112 §3.2).
ParseReason badHost(const FramingFacts& facts, Version version) noexcept {
    if (facts.repeatedHost)
        return ParseReason::RepeatedHost;
    if (!facts.hasHost)
        return version == Version::Http11 ? ParseReason::MissingHost : ParseReason::None;
    return isHostField(facts.host) ? ParseReason::None : ParseReason::BadHost;
}

bool announcesBody(const FramingFacts& facts) noexcept {
    return facts.chunked || facts.contentLength != 0;
}

BodyFraming announcedFraming(const FramingFacts& facts) noexcept {
    if (facts.chunked)
        return BodyFraming::Chunked;
    return facts.contentLength != 0 ? BodyFraming::ContentLength : BodyFraming::None;
}

}  // namespace

ParseReason noteField(FramingFacts& facts, const FieldView& field) noexcept {
    const std::string_view name = field.name;
    switch (name.size()) {
    case kHost.size():
        if (equalsWord(name, kHost))
            noteHost(facts, field.value);
        return ParseReason::None;
    case kExpect.size():
        if (equalsWord(name, kExpect))
            noteExpect(facts, field.value);
        return ParseReason::None;
    case kUpgrade.size():
        if (equalsWord(name, kUpgrade))
            facts.upgrade = field.value;
        return ParseReason::None;
    case kConnection.size():
        if (equalsWord(name, kConnection))
            noteConnection(facts, field.value);
        return ParseReason::None;
    case kContentLength.size():
        return equalsWord(name, kContentLength) ? noteContentLength(facts, field.value)
                                                : ParseReason::None;
    case kTransferEncoding.size():
        return equalsWord(name, kTransferEncoding) ? noteTransferEncoding(facts, field.value)
                                                   : ParseReason::None;
    default: return ParseReason::None;
    }
}

bool isForbiddenTrailer(std::string_view name) noexcept {
    constexpr std::string_view kTrailer = "trailer";
    constexpr std::string_view kForbidden[] = {
        kHost, kExpect, kUpgrade, kConnection, kContentLength, kTransferEncoding, kTrailer};
    for (const std::string_view forbidden : kForbidden) {
        if (equalsWord(name, forbidden))
            return true;
    }
    return false;
}

ParseReason finishRequestHead(HeadBlock& block) noexcept {
    const FramingFacts& facts = block.facts;
    RequestHead& head = block.request;
    if (const auto reason = contradiction(facts, head.version); reason != ParseReason::None)
        return reason;
    if (const auto reason = badHost(facts, head.version); reason != ParseReason::None)
        return reason;
    // The target's own authority wins over Host (RFC 9112 §3.2.2).
    if (head.form == TargetForm::Origin || head.form == TargetForm::Asterisk)
        head.authority = facts.host;
    else if (head.form == TargetForm::Authority && announcesBody(facts))
        return ParseReason::ConnectWithBody;
    head.fields = block.fields;
    head.framing = announcedFraming(facts);
    head.contentLength = facts.contentLength;
    head.keepAlive = staysOpen(facts, head.version);
    const bool http11 = head.version == Version::Http11;
    head.expectation = http11 ? facts.expectation : Expectation::None;
    head.upgrade = http11 && facts.connectionUpgrade ? facts.upgrade : std::string_view();
    return ParseReason::None;
}

ParseReason finishResponseHead(HeadBlock& block, ResponseContext context) noexcept {
    const FramingFacts& facts = block.facts;
    ResponseHead& head = block.response;
    if (const auto reason = contradiction(facts, head.version); reason != ParseReason::None)
        return reason;
    head.fields = block.fields;
    head.hasContentLength = facts.hasContentLength;
    head.contentLength = facts.contentLength;
    head.keepAlive = staysOpen(facts, head.version);
    head.upgrade = facts.connectionUpgrade ? facts.upgrade : std::string_view();
    if (head.code < 200) {
        if (announcesBody(facts))
            return ParseReason::InformationalWithBody;
        if (head.code == 101 && !context.upgradeOffered)
            return ParseReason::UnexpectedUpgrade;
        head.framing = head.code == 101 ? BodyFraming::Tunnel : BodyFraming::None;
        return ParseReason::None;
    }
    if (context.toConnect && head.code < 300) {
        head.framing = BodyFraming::Tunnel;
    } else if (context.toHead || head.code == 304) {
        head.framing = BodyFraming::None;
    } else if (head.code == 204) {
        head.framing = BodyFraming::None;
        // A 204 has no body whatever it announces (RFC 9110 §15.3.5); if it announces one, what
        // follows may be that body, so the connection is not used again.
        head.keepAlive = head.keepAlive && !announcesBody(facts);
    } else if (!facts.chunked && !facts.hasContentLength) {
        head.framing = BodyFraming::UntilClose;
        head.keepAlive = false;
    } else {
        head.framing = announcedFraming(facts);
    }
    return ParseReason::None;
}

}  // namespace marline::http::detail
