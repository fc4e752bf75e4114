#include <marline/protocols/http/request.hpp>

#include <stdexcept>
#include <utility>

#include <marline/protocols/http/detail/http_channel.hpp>
#include <marline/protocols/http/serializer.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http {
namespace {

int hexDigit(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Percent-decodes; a `%` without two digits stays as it is.
std::string decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hexDigit(text[i + 1]) : -1;
        const int low = high >= 0 ? hexDigit(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string_view pathOf(const std::string& uri) {
    std::string_view path = uri;
    if (const std::size_t scheme = path.find("://"); !path.starts_with('/') &&
                                                     scheme != std::string_view::npos) {
        const std::size_t slash = path.find('/', scheme + 3);
        path = slash == std::string_view::npos ? "/" : path.substr(slash);
    }
    return path.substr(0, path.find('?'));
}

std::vector<std::string> segmentsOf(const std::string& uri) {
    std::string_view path = pathOf(uri);
    std::vector<std::string> segments;
    if (path.starts_with('/')) {
        path.remove_prefix(1);
    }
    for (;;) {
        const std::size_t slash = path.find('/');
        segments.push_back(decoded(path.substr(0, slash)));
        if (slash == std::string_view::npos) {
            return segments;
        }
        path.remove_prefix(slash + 1);
    }
}

}  // namespace

Request::Request(HttpChannel& channel, const RequestHead& head, const Address& peer)
    : channel_(&channel), method_(head.method), uri_(head.target), segments_(segmentsOf(uri_)),
      requestHeaders_(head.fields), peer_(peer), version_(head.version) {}

std::string_view Request::query() const noexcept {
    const std::size_t mark = uri_.find('?');
    return mark == std::string::npos ? std::string_view{} : std::string_view(uri_).substr(mark + 1);
}

bool Request::bodyAllowed() const noexcept {
    return method_ != "HEAD" && code_ != 204 && code_ != 304;
}

void Request::writeHead(bool wholeBody, std::uint64_t bytes) {
    state_ = State::Writing;
    Headers fields;
    fields.addRawHeader("Date", channel_->site().date());
    BodyLength length = BodyLength::known(bytes);
    if (code_ == 204) {
        length = BodyLength::none();
    } else if (const auto announced = responseHeaders_.get("Content-Length")) {
        length = BodyLength::known(std::stoull(std::string(*announced)));
        responseHeaders_.removeHeader("Content-Length");
    } else if (!wholeBody && version_ == Version::Http11) {
        length = BodyLength::chunked();
        chunked_ = true;
    } else if (!wholeBody) {
        length = BodyLength::untilClose();
        channel_->closeAfterwards();
    }
    for (const auto& [name, value] : responseHeaders_) {
        fields.addRawHeader(name, value);
    }
    if (!channel_->keepAlive()) {
        fields.addRawHeader("Connection", "close");
    } else if (version_ == Version::Http10) {
        fields.addRawHeader("Connection", "keep-alive");
    }
    std::string head;
    appendResponseHead(head, code_, statusPhrase(code_), fields, length, Version::Http11);
    channel_->transport()->write(head);
}

void Request::write(std::string_view data) {
    if (state_ == State::Finished || channel_ == nullptr) {
        return;
    }
    if (state_ == State::Waiting) {
        writeHead(false, 0);
    }
    if (data.empty() || !bodyAllowed()) {
        return;
    }
    if (chunked_) {
        std::string head;
        appendChunkHead(head, data.size());
        channel_->transport()->write(head);
        channel_->transport()->write(data);
        channel_->transport()->write(kChunkEnd);
    } else {
        channel_->transport()->write(data);
    }
}

void Request::finish() {
    if (state_ == State::Finished) {
        if (channel_ == nullptr) {
            return;
        }
        throw std::logic_error("finish() on a request that is finished: " + method_ + " " + uri_);
    }
    if (state_ == State::Waiting) {
        writeHead(true, 0);
    } else if (chunked_ && bodyAllowed()) {
        std::string end;
        appendLastChunk(end);
        channel_->transport()->write(end);
    }
    end();
}

void Request::finish(std::string_view body) {
    if (state_ == State::Waiting && channel_ != nullptr) {
        writeHead(true, body.size());
        if (bodyAllowed()) {
            channel_->transport()->write(body);
        }
        end();
    } else {
        write(body);
        finish();
    }
}

void Request::end() {
    const Ref<Request> alive(this);
    state_ = State::Finished;
    HttpChannel* channel = std::exchange(channel_, nullptr);
    for (DeferredSource<>& source : std::exchange(notified_, {})) {
        source.callback();
    }
    channel->requestFinished();
}

Deferred<> Request::notifyFinish() {
    notified_.emplace_back();
    return notified_.back().deferred();
}

void Request::clientGone(const Failure& why) {
    const Ref<Request> alive(this);
    state_ = State::Finished;
    channel_ = nullptr;
    for (DeferredSource<>& source : std::exchange(notified_, {})) {
        source.errback(why);
    }
}

}  // namespace marline::http
