#include <marline/protocols/http/detail/body_decoder.hpp>

#include <marline/protocols/http/detail/characters.hpp>
#include <marline/protocols/http/detail/head_grammar.hpp>
#include <marline/protocols/http/detail/line_reader.hpp>

#include <algorithm>
#include <limits>

namespace marline::http::detail {

void BodyDecoder::begin(BodyFraming framing, std::uint64_t length,
                        const WireLimits& limits) noexcept {
    limit_ = limits.body;
    remaining_ = 0;
    lineBytes_ = 0;
    extensionBytes_ = 0;
    switch (framing) {
    case BodyFraming::None: state_ = State::Ended; break;
    case BodyFraming::ContentLength:
        remaining_ = length;
        state_ = State::Length;
        break;
    case BodyFraming::Chunked: state_ = State::SizeFirst; break;
    case BodyFraming::UntilClose: state_ = State::UntilClose; break;
    case BodyFraming::Tunnel: state_ = State::Tunnel; break;
    }
}

WireEvent BodyDecoder::next(std::span<const std::byte>& input, HeadBlockPtr& block,
                            const WireLimits& limits, ParseReason& reason) {
    switch (state_) {
    case State::Ended: return WireEvent::End;
    case State::Length: return readLength(input, reason);
    case State::UntilClose: return readUntilClose(input, reason);
    case State::Tunnel: return WireEvent::Done;
    case State::Trailers: return readTrailers(input, block, limits, reason);
    default: return readChunked(input, block, limits, reason);
    }
}

WireEvent BodyDecoder::readLength(std::span<const std::byte>& input, ParseReason& reason) noexcept {
    if (remaining_ > limit_) {
        reason = ParseReason::BodyTooLarge;
        return WireEvent::Failed;
    }
    const WireEvent event = take(input, remaining_);
    if (remaining_ == 0 && event == WireEvent::Body)
        state_ = State::Ended;
    return event;
}

WireEvent BodyDecoder::readUntilClose(std::span<const std::byte>& input,
                                      ParseReason& reason) noexcept {
    if (limit_ == 0 && !input.empty()) {
        reason = ParseReason::BodyTooLarge;
        return WireEvent::Failed;
    }
    return take(input, limit_);
}

WireEvent BodyDecoder::readChunked(std::span<const std::byte>& input, HeadBlockPtr& block,
                                   const WireLimits& limits, ParseReason& reason) {
    while (!input.empty()) {
        if (state_ == State::ChunkData) {
            const WireEvent event = take(input, remaining_);
            if (remaining_ == 0)
                state_ = State::ChunkCr;
            return event;
        }
        if (state_ == State::TrailerFirst && input.front() != std::byte{'\r'}) {
            block = takeHeadBlock();
            state_ = State::Trailers;
            return readTrailers(input, block, limits, reason);
        }
        reason = frameByte(static_cast<char>(input.front()), limits);
        if (reason != ParseReason::None)
            return WireEvent::Failed;
        input = input.subspan(1);
        if (state_ == State::Ended)
            return WireEvent::End;
    }
    return WireEvent::NeedData;
}

WireEvent BodyDecoder::readTrailers(std::span<const std::byte>& input, HeadBlockPtr& block,
                                    const WireLimits& limits, ParseReason& reason) {
    if (input.empty())
        return WireEvent::NeedData;
    TrailerGrammar grammar(*block, limits);
    switch (readLines(grammar, *block, input, reason)) {
    case LineStep::End: state_ = State::Ended; return WireEvent::End;
    case LineStep::Failed: return WireEvent::Failed;
    case LineStep::More:
    case LineStep::Incomplete: break;
    }
    return WireEvent::NeedData;
}

/// Cuts the next piece of body off the front of `input`.
WireEvent BodyDecoder::take(std::span<const std::byte>& input, std::uint64_t most) noexcept {
    if (input.empty())
        return WireEvent::NeedData;
    const std::uint64_t length = std::min<std::uint64_t>(input.size(), most);
    piece_ = input.first(static_cast<std::size_t>(length));
    input = input.subspan(static_cast<std::size_t>(length));
    remaining_ -= length;
    limit_ -= length;
    return WireEvent::Body;
}

ParseReason BodyDecoder::enter(State state) noexcept {
    state_ = state;
    return ParseReason::None;
}

/// Reads one byte of the chunked coding that is not data and not of a trailer line.
ParseReason BodyDecoder::frameByte(char byte, const WireLimits& limits) noexcept {
    switch (state_) {
    case State::ChunkCr: return byte == '\r' ? enter(State::ChunkLf) : ParseReason::MissingChunkEnd;
    case State::ChunkLf:
        return byte == '\n' ? enter(State::SizeFirst) : ParseReason::MissingChunkEnd;
    case State::SizeLf: return byte == '\n' ? beginChunk() : ParseReason::BareCr;
    case State::TrailerFirst:
        return enter(State::TrailerLf);  // The caller has seen that it is a CR.
    case State::TrailerLf: return byte == '\n' ? enter(State::Ended) : ParseReason::BareCr;
    default: return chunkLineByte(byte, limits);
    }
}

ParseReason BodyDecoder::chunkLineByte(char byte, const WireLimits& limits) noexcept {
    if (byte == '\n')
        return ParseReason::BareLf;
    if (byte != '\r' && lineBytes_++ == limits.chunkLine)
        return ParseReason::ChunkLineTooLong;
    if (state_ == State::SizeFirst || state_ == State::Size) {
        const ParseReason reason = sizeByte(byte);
        if (state_ == State::SizeFirst || state_ == State::Size || state_ == State::SizeLf)
            return reason;
    } else if (const ParseReason reason = extensionByte(byte); reason != ParseReason::None) {
        return reason;
    }
    if (byte != '\r' && extensionBytes_++ == limits.chunkExtensions)
        return ParseReason::ChunkExtensionsTooLong;
    return ParseReason::None;
}

ParseReason BodyDecoder::sizeByte(char byte) noexcept {
    if (const int digit = hexValue(byte); digit >= 0) {
        // As with Content-Length, half of the unsigned range.
        constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
        const auto value = static_cast<std::uint64_t>(digit);
        if (remaining_ > (kMost - value) / 16)
            return ParseReason::BadChunkSize;
        remaining_ = remaining_ * 16 + value;
        return enter(State::Size);
    }
    if (state_ == State::SizeFirst)
        return ParseReason::BadChunkSize;
    switch (byte) {
    case '\r': return enter(State::SizeLf);
    case ';': return enter(State::BeforeName);
    case ' ':
    case '\t': return enter(State::BeforeExtension);
    default: return ParseReason::BadChunkSize;
    }
}

/// Reads one byte of `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
ParseReason BodyDecoder::extensionByte(char byte) noexcept {
    const bool blank = isBlank(byte);
    const bool token = isOf(CharClass::Token, byte);
    switch (state_) {
    case State::BeforeName:
        return blank   ? ParseReason::None
               : token ? enter(State::Name)
                       : ParseReason::BadChunkExtension;
    case State::BeforeValue:
        if (byte == '"')
            return enter(State::Quoted);
        return blank   ? ParseReason::None
               : token ? enter(State::Value)
                       : ParseReason::BadChunkExtension;
    case State::Quoted:
        if (byte == '"' || byte == '\\')
            return enter(byte == '"' ? State::BehindQuoted : State::QuotedPair);
        return isOf(CharClass::Quoted, byte) ? ParseReason::None : ParseReason::BadChunkExtension;
    case State::QuotedPair:
        return isOf(CharClass::Value, byte) ? enter(State::Quoted) : ParseReason::BadChunkExtension;
    case State::Name:
    case State::Value:
        if (token)
            return ParseReason::None;
        break;
    default:  // BeforeExtension, BehindName, BehindQuoted
        break;
    }
    const bool behindName = state_ == State::Name || state_ == State::BehindName;
    const bool afterBlank = state_ == State::BeforeExtension || state_ == State::BehindName;
    if (byte == ';')
        return enter(State::BeforeName);
    if (byte == '=' && behindName)
        return enter(State::BeforeValue);
    if (byte == '\r' && !afterBlank)
        return enter(State::SizeLf);
    if (blank)
        return enter(behindName ? State::BehindName : State::BeforeExtension);
    return ParseReason::BadChunkExtension;
}

ParseReason BodyDecoder::beginChunk() noexcept {
    lineBytes_ = 0;
    if (remaining_ == 0)
        return enter(State::TrailerFirst);
    return remaining_ > limit_ ? ParseReason::BodyTooLarge : enter(State::ChunkData);
}

}  // namespace marline::http::detail
