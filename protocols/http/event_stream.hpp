// EventStream: server-sent events to one client; EventTopic: to many.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/reactor/producer.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http {

/// One event of a stream (WHATWG HTML §9.2). Empty fields are left out.
struct ServerSentEvent {
    std::string data = {};   ///< May have several lines.
    std::string event = {};  ///< Its type; one line.
    std::string id = {};     ///< What a client that reconnects tells as Last-Event-ID; one line.
    std::optional<std::chrono::milliseconds> retry = {};  ///< When a client is to reconnect.
};

/// The event as it is sent. Throws std::invalid_argument for an `event` or `id` of more than one
/// line, or with NUL in the `id`.
MARLINE_API std::string encodeEvent(const ServerSentEvent& event);

/// How an EventStream treats its client.
struct EventStreamOptions {
    /// After this without an event a comment is sent, so that proxies keep the connection and a
    /// client that has vanished is noticed. Zero: never.
    Duration heartbeat = std::chrono::seconds(15);
    /// Bytes that wait for a client that does not read, beyond what its connection buffers. More
    /// drops the client: it will reconnect, and say with Last-Event-ID what it has.
    std::size_t maxBacklog = 256 * 1024;
};

/// Sends events to one client, from its handler on until close(), or until the client goes.
///
///     http::Rendered renderGet(http::Request& request) override {
///         auto events = makeRef<http::EventStream>(request);
///         events->send({.data = "hello"});
///         clients_.push_back(events);
///         return http::NotDoneYet{};
///     }
///
/// The stream lives as long as its client does, whoever holds it. Reactor thread only.
class MARLINE_API EventStream final : public RefCounted, public IProducer {
public:
    /// Takes the request over and sends the head of the response. Throws std::logic_error when it
    /// is finished.
    explicit EventStream(Request& request, const EventStreamOptions& options = {});

    /// Sends an event; without effect when the client has gone. Throws as encodeEvent() does.
    void send(const ServerSentEvent& event) { sendEncoded(encodeEvent(event)); }
    /// The same with what encodeEvent() gave, which may go to many.
    void sendEncoded(std::string_view event);
    /// Ends the response.
    void close();
    /// False once closed, or the client has gone or was dropped.
    bool open() const noexcept { return static_cast<bool>(request_); }
    /// The last event that the client has of an earlier connection; empty for a new one.
    const std::string& lastEventId() const noexcept { return lastEventId_; }
    /// Fires when the stream is over, however it ended.
    Deferred<> whenClosed();

    void pauseProducing() override { paused_ = true; }
    void resumeProducing() override;
    void stopProducing() override;

private:
    ~EventStream() override;

    void beat();
    void expectBeat();
    void ended();

    EventStreamOptions options_;
    Ref<Request> request_;
    IReactorTime& clock_;
    DelayedCall heartbeat_;
    std::string lastEventId_;
    std::string backlog_;
    std::vector<DeferredSource<>> closed_;
    Ref<EventStream> self_;
    bool paused_ = false;
};

/// Sends the same events to all who subscribed.
class MARLINE_API EventTopic final : public RefCounted {
public:
    explicit EventTopic(const EventStreamOptions& options = {}) : options_(options) {}

    /// Makes the request's response a stream of what is published from now on.
    Ref<EventStream> subscribe(Request& request);
    /// Encodes the event once, and sends it to everybody.
    void publish(const ServerSentEvent& event);
    /// Ends all streams.
    void close();
    /// How many there are.
    std::size_t subscribers() const noexcept { return streams_.size(); }

private:
    ~EventTopic() override = default;

    EventStreamOptions options_;
    std::vector<Ref<EventStream>> streams_;
};

}  // namespace marline::http
