// How a Request is answered.
#include <stdexcept>
#include <utility>

#include <marline/protocols/http/access_log.hpp>
#include <marline/protocols/http/cookie.hpp>
#include <marline/protocols/http/detail/conditions.hpp>
#include <marline/protocols/http/detail/http_channel.hpp>
#include <marline/protocols/http/detail/request_extras.hpp>
#include <marline/protocols/http/detail/response_head.hpp>
#include <marline/protocols/http/detail/scan.hpp>
#include <marline/protocols/http/serializer.hpp>
#include <marline/protocols/http/status.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {
namespace {

// Up to here a piece of a body is copied behind its head, so that both are one write.
constexpr std::size_t kCopied = 8 * 1024;

}  // namespace

void Request::setResponseCode(int code, std::string_view phrase) {
    if (code < 200 || code > 999) {
        throw std::invalid_argument("status code " + std::to_string(code) +
                                    " is not of 200 to 999");
    }
    if (!detail::isValue(phrase)) {
        throw std::invalid_argument("a status phrase with a control character");
    }
    code_ = code;
    phrase_ = phrase;
}

void Request::redirect(std::string_view url) {
    setResponseCode(kFound);
    setHeader("Location", url);
}

void Request::addCookie(const Cookie& cookie) {
    responseHeaders_.addRawHeader("Set-Cookie", formatCookie(cookie));
}

Cached Request::setETag(std::string_view tag) {
    if (!detail::isEntityTag(tag)) {
        throw std::invalid_argument("an entity tag is as \"this\" or W/\"this\", not " +
                                    std::string(tag));
    }
    setHeader("ETag", tag);
    extras().etag = tag;
    return cached();
}

Cached Request::setLastModified(HttpTime when) {
    std::optional<HttpTime>& latest = extras().lastModified;
    if (!latest || *latest < when) {
        latest = when;
        HttpDateRoom room;
        setHeader("Last-Modified", formatHttpDate(when, room));
    }
    return cached();
}

/// Whether the conditions of the request are met, as far as it is known what it would get.
Cached Request::cached() {
    std::string match;
    std::string noneMatch;
    const detail::Conditions conditions{
        getList("If-Match", match), getList("If-None-Match", noneMatch),
        getHeader("If-Modified-Since"), getHeader("If-Unmodified-Since")};
    const int code = detail::conditionOf(conditions, method_, extras_->etag, extras_->lastModified);
    if (code == kOk) {
        return Cached::No;
    }
    setResponseCode(code);
    return Cached::Yes;
}

bool Request::bodyAllowed() const noexcept {
    return code_ != kNoContent && code_ != kResetContent && code_ != kNotModified &&
           method_ != "HEAD";
}

/// How the response is framed; `whole` is the length of its body when that is known.
BodyLength Request::frame(std::optional<std::uint64_t> whole,
                          std::optional<std::uint64_t> announced) {
    if (code_ == kNoContent) {
        return BodyLength::none();
    }
    if (code_ == kResetContent) {
        return BodyLength::known(0);
    }
    if (!bodyAllowed()) {
        const auto length = announced ? announced : code_ == kNotModified ? std::nullopt : whole;
        return length ? BodyLength::known(*length) : BodyLength::none();
    }
    if (announced) {
        if (whole && *whole != *announced) {
            throw std::invalid_argument("the response's Content-Length is " +
                                        std::to_string(*announced) + ", its body has " +
                                        std::to_string(*whole) + " bytes");
        }
        lengthKnown_ = true;
        remaining_ = *announced;
        return BodyLength::known(*announced);
    }
    if (whole) {
        return BodyLength::known(*whole);
    }
    if (version_ == Version::Http10) {
        return BodyLength::untilClose();
    }
    chunked_ = true;
    return BodyLength::chunked();
}

void Request::appendHead(std::string& out, std::optional<std::uint64_t> whole) {
    const detail::OwnFields own = detail::ownFieldsOf(responseHeaders_);
    const BodyLength length = frame(whole, own.contentLength);
    if (own.close || length.kind() == BodyLength::Kind::UntilClose) {
        channel_->closeAfterwards();
    }
    detail::ServerHead head{.code = code_,
                            .phrase = phrase_,
                            .date = {},
                            .contentType = {},
                            .connection = {},
                            .length = length};
    if (!own.date) {
        head.date = channel_->date();
    }
    if (!own.contentType && bodyTyped(length)) {
        head.contentType = channel_->site().options().defaultContentType;
    }
    if (!own.connection) {
        head.connection = !channel_->keepAlive()        ? "close"
                          : version_ == Version::Http10 ? "keep-alive"
                                                        : "";
    }
    state_ = State::Writing;
    detail::appendServerHead(out, head, responseHeaders_);
}

/// Whether the response has a body that wants a type (Twisted: Q-10).
bool Request::bodyTyped(BodyLength length) const noexcept {
    const bool empty = length.kind() == BodyLength::Kind::Known && length.bytes() == 0;
    return !empty && code_ != kNoContent && code_ != kNotModified;
}

/// Cuts what goes beyond the length that was announced: it would be read as another response.
std::string_view Request::withinLength(std::string_view data) {
    if (!bodyAllowed()) {
        return {};
    }
    if (!lengthKnown_) {
        return data;
    }
    if (data.size() > remaining_) {
        log(LogLevel::Error, method_ + " " + uri_ + ": the body is longer than its Content-Length");
        data = data.substr(0, static_cast<std::size_t>(remaining_));
    }
    remaining_ -= data.size();
    return data;
}

void Request::offerEncodings(Ref<ContentEncodings> encodings) {
    extras().encodings = std::move(encodings);
}

/// Whether the response is one with a whole body.
bool Request::mayEncode() const noexcept {
    return code_ >= 200 && code_ <= 299 && code_ != kNoContent && code_ != kResetContent &&
           code_ != kPartialContent;
}

std::optional<BodyCoding> Request::codingOf(std::string_view type, std::uint64_t whole) const {
    if (!extras_ || !extras_->encodings || !mayEncode()) {
        return std::nullopt;
    }
    return extras_->encodings->choose(getHeader("Accept-Encoding").value_or(""), type,
                                      responseHeaders_, whole);
}

void Request::bodyHasCoding(std::string_view coding) {
    const Ref<ContentEncodings> offered = std::exchange(extras_->encodings, {});
    offered->announce(coding, responseHeaders_);
}

/// Decides about the encoding, when the head is about to go.
void Request::beginEncoding(std::optional<std::uint64_t> whole) {
    const Ref<ContentEncodings> offered = std::exchange(extras_->encodings, {});
    if (!mayEncode()) {
        return;
    }
    if (!responseHeaders_.hasHeader("Content-Type")) {
        setHeader("Content-Type", site().options().defaultContentType);
    }
    extras_->encoder =
        offered->begin(getHeader("Accept-Encoding").value_or(""), responseHeaders_, whole);
}

/// put() of what an encoder makes of `data`.
void Request::putEncoded(std::string_view data, bool whole, bool last) {
    std::string encoded = site().takeBuffer();
    if (method_ != "HEAD") {
        extras_->encoder->encode(data, last ? EncodeFlush::Finish : EncodeFlush::Sync, encoded);
    }
    if (last) {
        extras_->encoder.reset();
    }
    const bool known = whole && method_ != "HEAD";
    putPlain(encoded, known ? std::optional<std::uint64_t>(encoded.size()) : std::nullopt, last);
    channel_->site().giveBuffer(std::move(encoded));
}

void Request::put(std::string_view data, std::optional<std::uint64_t> whole, bool last) {
    if (extras_ && extras_->encodings) {
        beginEncoding(whole);
    }
    // An empty write is that of the head alone (Twisted: ).
    if (extras_ && extras_->encoder && (last || !data.empty())) {
        putEncoded(data, whole.has_value(), last);
    } else {
        putPlain(data, whole, last);
    }
}

/// Sends a piece of the response in one write, or without copying it when it is large.
void Request::putPlain(std::string_view data, std::optional<std::uint64_t> whole, bool last) {
    std::string out = channel_->site().takeBuffer();
    if (state_ == State::Waiting) {
        appendHead(out, whole);
    }
    data = withinLength(data);
    sentBytes_ += data.size();
    if (!data.empty()) {
        if (chunked_) {
            appendChunkHead(out, data.size());
        }
        if (data.size() <= kCopied) {
            out.append(data);
        } else {
            channel_->send(out);
            out.clear();
            channel_->send(data);
        }
        if (chunked_) {
            out.append(kChunkEnd);
        }
    }
    if (last && chunked_) {
        appendLastChunk(out);
    }
    channel_->send(out);
    channel_->site().giveBuffer(std::move(out));
}

void Request::refuseFinished(const char* call) const {
    if (state_ == State::Finished) {
        throw std::logic_error(std::string(call) + " on a request that is finished: " + method_ +
                               " " + uri_);
    }
}

void Request::write(std::string_view data) {
    refuseFinished("write()");
    if (state_ != State::Gone) {
        put(data, std::nullopt, false);
    }
}

std::optional<Deferred<>> Request::sendFile(int fd, std::uint64_t offset, std::uint64_t count) {
    refuseFinished("sendFile()");
    if (state_ == State::Waiting) {
        put({}, std::nullopt, false);
    }
    if (state_ != State::Writing || !lengthKnown_ || count > remaining_) {
        return std::nullopt;
    }
    std::optional<Deferred<>> sending = channel_->sendFile(fd, offset, count);
    if (sending) {
        remaining_ -= count;
        sentBytes_ += count;
    }
    return sending;
}

void Request::finish() {
    refuseFinished("finish()");
    if (state_ != State::Gone) {
        put({}, state_ == State::Waiting ? std::optional<std::uint64_t>(0) : std::nullopt, true);
        end();
    }
}

void Request::finish(std::string_view body) {
    refuseFinished("finish()");
    if (state_ == State::Gone) {
        return;
    }
    put(body, state_ == State::Waiting ? std::optional<std::uint64_t>(body.size()) : std::nullopt,
        true);
    end();
}

void Request::end() {
    const Ref<Request> alive(this);
    if (producing_) {
        log(LogLevel::Error, method_ + " " + uri_ + ": finished with its producer registered");
        unregisterProducer();
    }
    state_ = State::Finished;
    if (remaining_ > 0) {
        log(LogLevel::Error,
            method_ + " " + uri_ + ": the body is shorter than its Content-Length");
        channel_->abort();
    }
    if (AccessLog* log = site().options().accessLog.get()) {
        log->answered(*this);
    }
    for (std::size_t i = 0; i < notified_.size(); ++i) {
        DeferredSource<> source = std::move(notified_[i]);
        source.callback();
    }
    notified_.clear();
    channel_->requestFinished();
}

Deferred<> Request::notifyFinish() {
    Deferred<> done = notified_.emplace_back().deferred();
    if (finished()) {
        DeferredSource<> source = std::move(notified_.back());
        notified_.pop_back();
        gone_ ? source.errback(*gone_) : source.callback();
    }
    return done;
}

void Request::abort() {
    if (!finished()) {
        channel_->abort();
    }
}

void Request::registerProducer(IProducer& producer, Producing mode) {
    refuseFinished("registerProducer()");
    if (state_ == State::Gone) {
        producer.stopProducing();
        return;
    }
    if (producing_) {
        throw std::logic_error("a producer is registered already; unregister it first");
    }
    producing_ = true;
    channel_->attachProducer(producer, mode);
}

void Request::unregisterProducer() {
    if (std::exchange(producing_, false) && state_ != State::Gone) {
        channel_->detachProducer();
    }
}

}  // namespace marline::http
