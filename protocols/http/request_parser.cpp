#include <marline/protocols/http/request_parser.hpp>

#include <marline/protocols/http/detail/head_grammar.hpp>
#include <marline/protocols/http/detail/line_reader.hpp>

#include <stdexcept>

namespace marline::http {

// The states, and what leads from one to the next:
//
//   Start      between messages; nothing borrowed
//   AfterCr    the CR of an empty line before a request line was read
//   Head       within a head; block_ is borrowed
//   HeadGiven  Head was reported; block_ keeps its views alive
//   Body       within the body; block_ is borrowed only for trailers
//   Ended      End was reported; block_ keeps the trailers alive, if there are any
//   Done       behind a request that closes the connection
//   Failed     the input was refused
WireEvent RequestParser::next(std::span<const std::byte>& input) {
    for (;;) {
        switch (state_) {
        case State::Start: return readStart(input);
        case State::AfterCr:
            if (input.empty())
                return WireEvent::NeedData;
            if (input.front() != std::byte{'\n'})
                return fail(ParseReason::BareCr);
            input = input.subspan(1);
            state_ = State::Start;
            skippedEmptyLine_ = true;
            continue;
        case State::Head: return readHead(input);
        case State::HeadGiven:
            block_.reset();
            state_ = State::Body;
            [[fallthrough]];
        case State::Body: return readBody(input);
        case State::Ended:
            block_.reset();
            skippedEmptyLine_ = false;
            state_ = keepAlive_ ? State::Start : State::Done;
            continue;
        case State::Done: return WireEvent::Done;
        case State::Failed: return WireEvent::Failed;
        }
    }
}

WireEvent RequestParser::readStart(std::span<const std::byte>& input) {
    if (input.empty())
        return WireEvent::NeedData;
    const char first = static_cast<char>(input.front());
    if (first == '\r') {
        if (skippedEmptyLine_)
            return fail(ParseReason::ExtraEmptyLine);
        input = input.subspan(1);
        state_ = State::AfterCr;
        return next(input);
    }
    // Tells a TLS handshake or other noise at once, without waiting for a line feed.
    if (!detail::isOf(detail::CharClass::Token, first))
        return fail(first == '\n' ? ParseReason::BareLf : ParseReason::BadMethod);
    block_ = detail::takeHeadBlock();
    state_ = State::Head;
    return readHead(input);
}

WireEvent RequestParser::readHead(std::span<const std::byte>& input) {
    if (input.empty())
        return WireEvent::NeedData;
    detail::RequestGrammar grammar(*block_, *limits_);
    ParseReason reason = ParseReason::None;
    const auto step = detail::readLines(grammar, *block_, input, reason);
    if (step == detail::LineStep::Incomplete)
        return WireEvent::NeedData;
    if (step == detail::LineStep::End)
        reason = detail::finishRequestHead(*block_);
    if (reason != ParseReason::None)
        return fail(reason);
    const RequestHead& head = block_->request;
    keepAlive_ = head.keepAlive;
    decoder_.begin(head.framing, head.contentLength, *limits_);
    state_ = State::HeadGiven;
    return WireEvent::Head;
}

WireEvent RequestParser::readBody(std::span<const std::byte>& input) {
    ParseReason reason = ParseReason::None;
    const WireEvent event = decoder_.next(input, block_, *limits_, reason);
    if (event == WireEvent::Failed)
        return fail(reason);
    if (event == WireEvent::End)
        state_ = State::Ended;
    return event;
}

WireEvent RequestParser::fail(ParseReason reason) noexcept {
    block_.reset();
    reason_ = reason;
    state_ = State::Failed;
    return WireEvent::Failed;
}

const RequestHead& RequestParser::head() const {
    if (state_ != State::HeadGiven)
        throw std::logic_error(
            "RequestParser::head() outside of WireEvent::Head: its views are gone");
    return block_->request;
}

std::span<const FieldView> RequestParser::trailers() const noexcept {
    if (state_ != State::Ended || block_ == nullptr)
        return {};
    return block_->fields;
}

WireEof RequestParser::eof() const noexcept {
    switch (state_) {
    case State::AfterCr:
    case State::Head: return WireEof::InHead;
    case State::HeadGiven:
    case State::Body: return WireEof::InBody;
    case State::Start:
    case State::Ended:
    case State::Done:
    case State::Failed: return WireEof::Clean;
    }
    return WireEof::Clean;
}

}  // namespace marline::http
