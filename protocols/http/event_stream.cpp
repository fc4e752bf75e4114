#include <marline/protocols/http/event_stream.hpp>

#include <stdexcept>
#include <utility>

#include <marline/protocols/http/site.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {
namespace {

constexpr std::string_view kHeartbeat = ":\n\n";

void appendLine(std::string& out, std::string_view name, std::string_view value) {
    if (value.find_first_of("\r\n") != std::string_view::npos) {
        throw std::invalid_argument("the " + std::string(name) +
                                    " of a server-sent event is one line");
    }
    out.append(name).append(": ").append(value).append("\n");
}

/// One `data` line for each line of `text`, whatever ends it.
void appendData(std::string& out, std::string_view text) {
    for (;;) {
        const std::size_t end = text.find_first_of("\r\n");
        out.append("data: ").append(text.substr(0, end)).append("\n");
        if (end == std::string_view::npos) {
            return;
        }
        text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
    }
}

}  // namespace

std::string encodeEvent(const ServerSentEvent& event) {
    std::string out;
    if (!event.event.empty()) {
        appendLine(out, "event", event.event);
    }
    if (!event.id.empty()) {
        if (event.id.find('\0') != std::string::npos) {
            throw std::invalid_argument("the id of a server-sent event has a NUL");
        }
        appendLine(out, "id", event.id);
    }
    if (event.retry) {
        appendLine(out, "retry", std::to_string(event.retry->count()));
    }
    if (!event.data.empty() || out.empty()) {
        appendData(out, event.data);
    }
    return out + "\n";
}

EventStream::EventStream(Request& request, const EventStreamOptions& options)
    : options_(options), request_(&request), clock_(request.clock()),
      lastEventId_(request.getHeader("Last-Event-ID").value_or("")) {
    if (request.finished()) {
        request_.reset();
        request.write({});  // throws, unless the client has gone
        return;
    }
    request.setHeader("Content-Type", "text/event-stream");
    request.setHeader("Cache-Control", "no-cache");
    request.setHeader("X-Accel-Buffering", "no");  // nginx in between passes events on at once
    request.write({});
    self_ = Ref<EventStream>(this);
    request.registerProducer(*this, Producing::Push);
    expectBeat();
}

EventStream::~EventStream() = default;

void EventStream::sendEncoded(std::string_view event) {
    if (!request_) {
        return;
    }
    if (!paused_) {
        request_->write(event);
        expectBeat();
    } else if (backlog_.size() + event.size() <= options_.maxBacklog) {
        backlog_ += event;
    } else {
        log(LogLevel::Info, "dropped " + request_->getPeer().toString() +
                                ": it is behind by EventStreamOptions::maxBacklog");
        request_->unregisterProducer();
        request_->abort();
        ended();
    }
}

void EventStream::resumeProducing() {
    paused_ = false;
    if (request_ && !backlog_.empty()) {
        request_->write(std::exchange(backlog_, {}));
    }
}

void EventStream::close() {
    if (!request_) {
        return;
    }
    const Ref<Request> request = request_;
    if (!backlog_.empty()) {
        request->write(std::exchange(backlog_, {}));
    }
    request->unregisterProducer();
    ended();
    request->finish();
}

void EventStream::stopProducing() {
    if (request_) {
        ended();
    }
}

/// Forgets the request, and tells who waits for that.
void EventStream::ended() {
    const Ref<EventStream> alive = std::exchange(self_, {});
    request_.reset();
    backlog_ = {};
    if (heartbeat_.active()) {
        heartbeat_.cancel();
    }
    for (DeferredSource<>& source : std::exchange(closed_, {})) {
        source.callback();
    }
}

Deferred<> EventStream::whenClosed() {
    Deferred<> closed = closed_.emplace_back().deferred();
    if (!open()) {
        DeferredSource<> source = std::move(closed_.back());
        closed_.pop_back();
        source.callback();
    }
    return closed;
}

void EventStream::expectBeat() {
    if (options_.heartbeat <= Duration::zero()) {
        return;
    }
    if (heartbeat_.active()) {
        heartbeat_.reset(options_.heartbeat);
    } else {
        heartbeat_ = clock_.callLater(options_.heartbeat, [this] { beat(); });
    }
}

void EventStream::beat() {
    if (!paused_) {
        request_->write(kHeartbeat);
    }
    expectBeat();
}

Ref<EventStream> EventTopic::subscribe(Request& request) {
    auto stream = makeRef<EventStream>(request, options_);
    streams_.push_back(stream);
    stream->whenClosed().addCallback([self = Ref<EventTopic>(this), gone = stream.get()] {
        std::erase_if(self->streams_, [gone](const auto& each) { return each.get() == gone; });
    });
    return stream;
}

void EventTopic::publish(const ServerSentEvent& event) {
    const std::string encoded = encodeEvent(event);
    for (const Ref<EventStream>& stream : std::vector(streams_)) {
        stream->sendEncoded(encoded);
    }
}

void EventTopic::close() {
    const Ref<EventTopic> alive(this);
    for (const Ref<EventStream>& stream : std::vector(streams_)) {
        stream->close();
    }
}

}  // namespace marline::http
