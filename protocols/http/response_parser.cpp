#include <marline/protocols/http/response_parser.hpp>

#include <marline/protocols/http/detail/head_grammar.hpp>
#include <marline/protocols/http/detail/line_reader.hpp>

#include <stdexcept>

namespace marline::http {

// The states are those of RequestParser, and:
//
//   Idle                no response is due; every byte is refused
//   Start               a response is due, no byte of it has come
//   InformationalGiven  a 1xx head was reported; the final one is still due
WireEvent ResponseParser::next(std::span<const std::byte>& input) {
    for (;;) {
        switch (state_) {
        case State::Idle:
            return input.empty() ? WireEvent::NeedData : fail(ParseReason::UnsolicitedResponse);
        case State::Start:
            if (input.empty())
                return WireEvent::NeedData;
            // Tells another protocol at once, without waiting for a line feed.
            if (input.front() != std::byte{'H'})
                return fail(ParseReason::BadStatusLine);
            block_ = detail::takeHeadBlock();
            state_ = State::Head;
            [[fallthrough]];
        case State::Head: return readHead(input);
        case State::InformationalGiven:
            block_.reset();
            state_ = State::Start;
            continue;
        case State::HeadGiven:
            block_.reset();
            state_ = State::Body;
            [[fallthrough]];
        case State::Body: return readBody(input);
        case State::Ended:
            block_.reset();
            state_ = keepAlive_ ? State::Idle : State::Done;
            continue;
        case State::Done: return WireEvent::Done;
        case State::Failed: return WireEvent::Failed;
        }
    }
}

void ResponseParser::expectResponse(std::string_view method, bool upgradeOffered) {
    const bool ready = state_ == State::Idle || (state_ == State::Ended && keepAlive_);
    if (!ready)
        throw std::logic_error(
            "ResponseParser::expectResponse() before the last response was "
            "complete, or on a connection that carries no other");
    block_.reset();
    state_ = State::Start;
    toHead_ = method == "HEAD";
    toConnect_ = method == "CONNECT";
    upgradeOffered_ = upgradeOffered;
    informationalSeen_ = 0;
}

WireEvent ResponseParser::readHead(std::span<const std::byte>& input) {
    if (input.empty())
        return WireEvent::NeedData;
    detail::ResponseGrammar grammar(*block_, *limits_);
    ParseReason reason = ParseReason::None;
    const auto step = detail::readLines(grammar, *block_, input, reason);
    if (step == detail::LineStep::Incomplete)
        return WireEvent::NeedData;
    if (step == detail::LineStep::End)
        reason = detail::finishResponseHead(*block_, {toHead_, toConnect_, upgradeOffered_});
    return reason == ParseReason::None ? giveHead() : fail(reason);
}

WireEvent ResponseParser::giveHead() {
    const ResponseHead& head = block_->response;
    if (head.code < 200 && head.framing != BodyFraming::Tunnel) {
        if (informationalSeen_ == limits_->informationalHeads)
            return fail(ParseReason::TooManyInformational);
        ++informationalSeen_;
        state_ = State::InformationalGiven;
        return WireEvent::Informational;
    }
    keepAlive_ = head.keepAlive;
    decoder_.begin(head.framing, head.contentLength, *limits_);
    state_ = State::HeadGiven;
    return WireEvent::Head;
}

WireEvent ResponseParser::readBody(std::span<const std::byte>& input) {
    ParseReason reason = ParseReason::None;
    const WireEvent event = decoder_.next(input, block_, *limits_, reason);
    if (event == WireEvent::Failed)
        return fail(reason);
    if (event == WireEvent::End)
        state_ = State::Ended;
    else if (event == WireEvent::Done)
        state_ = State::Done;
    return event;
}

WireEvent ResponseParser::fail(ParseReason reason) noexcept {
    block_.reset();
    reason_ = reason;
    state_ = State::Failed;
    return WireEvent::Failed;
}

const ResponseHead& ResponseParser::head() const {
    if (state_ != State::HeadGiven && state_ != State::InformationalGiven)
        throw std::logic_error(
            "ResponseParser::head() outside of WireEvent::Head and "
            "WireEvent::Informational: its views are gone");
    return block_->response;
}

std::span<const FieldView> ResponseParser::trailers() const noexcept {
    if (state_ != State::Ended || block_ == nullptr)
        return {};
    return block_->fields;
}

WireEof ResponseParser::eof() const noexcept {
    switch (state_) {
    case State::Start: return informationalSeen_ == 0 ? WireEof::Nothing : WireEof::InHead;
    case State::Head:
    case State::InformationalGiven: return WireEof::InHead;
    case State::HeadGiven:
    case State::Body:
        if (decoder_.untilClose())
            return WireEof::PotentialDataLoss;
        return decoder_.ended() ? WireEof::Clean : WireEof::InBody;
    case State::Idle:
    case State::Ended:
    case State::Done:
    case State::Failed: return WireEof::Clean;
    }
    return WireEof::Clean;
}

}  // namespace marline::http
