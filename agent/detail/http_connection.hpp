// Internal: not installed. One HTTP/1.1 client connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/agent/body.hpp>
#include <marline/agent/detail/connection_response.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/uri.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/http/limits.hpp>
#include <marline/protocols/http/response_parser.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>

namespace marline::detail {

class HttpConnection;

/// Who is told when a connection can take another request, or none any more: the pool.
class IConnectionOwner {
public:
    virtual void connectionIdle(HttpConnection& connection) = 0;
    virtual void connectionClosed(HttpConnection& connection) = 0;
    /// The time of expireAfter() is over.
    virtual void connectionExpired(HttpConnection& connection) = 0;

protected:
    ~IConnectionOwner() = default;
};

/// How long the phases of one exchange may take, and how much may come.
struct ExchangeLimits {
    Duration headersTimeout = std::chrono::seconds(60);
    Duration idleTimeout = std::chrono::seconds(60);
    http::WireLimits wire = {};
    Duration sendTimeout = std::chrono::seconds(60);
    Duration continueTimeout = std::chrono::seconds(1);
};

/// The time of AgentOptions::totalTimeout is over.
RequestTimeoutError totalTimeUp(Duration total);

/// What an Exchange does besides being answered.
struct ExchangeTraits {
    bool expectsContinue = false;  // the body waits for 100 Continue
    std::string offeredUpgrade;    // the Upgrade field: only to these may a 101 switch
};

/// One request, ready to be sent, more than once if need be.
class Exchange final : public RefCounted {
public:
    Exchange(std::string_view how, Uri what, std::string bytes, Ref<IBodyProducer> content,
             ExchangeTraits does = {})
        : method(how), uri(std::move(what)), head(std::move(bytes)), body(std::move(content)),
          traits(std::move(does)) {}

    const std::string method;
    const Uri uri;
    const std::string head;  // as it goes over the wire
    const Ref<IBodyProducer> body;
    const ExchangeTraits traits;
    std::optional<Duration> deadline;  // when all of it is to be done
    Duration total{};                  // what the deadline was made of
};

/// Sends one request at a time and reads its response (Twisted: `HTTP11ClientProtocol`).
///
///     Idle --request--> Awaiting --head--> Body --end--> Idle, or Closed
///     Awaiting --101--> Upgraded --handOver--> Closed
///     any --the connection goes, abort--> Closed
///
/// The transport owns it, and so do a response whose body is to come, and the pool.
class HttpConnection final : public IProtocol, private IBodyConsumer {
public:
    /// The limits are shared by the connections of a pool: one that waits has none of its own.
    HttpConnection(IReactorTime& clock, std::shared_ptr<const ExchangeLimits> limits)
        : clock_(clock), limits_(std::move(limits)), parser_(limits_->wire) {}

    /// Sends a request and gives its response; fails with ResponseNeverReceived unless idle().
    Deferred<Response> request(Ref<const Exchange> exchange);

    bool idle() const noexcept { return state_ == State::Idle && transport_ != nullptr; }
    /// Requests that were sent here.
    unsigned requests() const noexcept { return requests_; }
    /// How long the server said that it keeps the connection, at its last response.
    std::optional<Duration> keepAliveFor() const noexcept { return keepAliveFor_; }
    void setOwner(IConnectionOwner* owner) noexcept { owner_ = owner; }
    /// Tells the owner when this has been idle for so long; a request puts an end to that.
    void expireAfter(Duration allowed);
    /// When that will be.
    Duration expiry() const noexcept { return deadline_; }
    /// Closes an idle connection, with a goodbye.
    void close();
    /// Closes at once; a request under way fails with `reason`.
    void abort(const Failure& reason);

    // For the response whose body this brings.
    /// Reads on: somebody takes the body now.
    void pump();
    /// The response will not be read: a short rest is read and dropped, a long one closes.
    void responseGone();
    /// Behind a 101: gives the connection to `protocol`; when it has gone, `gone` is the transport
    /// that it sees for a moment.
    void handOver(Ref<IProtocol> protocol, ITransport& gone);
    ITransport* transport() const noexcept { return transport_; }

    void makeConnection(ITransport& transport) override { transport_ = &transport; }
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;

private:
    enum class State : std::uint8_t { Idle, Awaiting, Body, Upgraded, Closed };
    enum class Sending : std::uint8_t { Waiting, Body, Done };
    static constexpr Duration kNever = Duration::max();

    ~HttpConnection() override { dropTimer(); }

    // IBodyConsumer: where the request's body is written.
    void write(std::span<const std::byte> data) override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override;

    void sendBody();
    void bodySent(const Result<>& outcome);
    void cancelSending();
    void informed();
    void generationFailed(Failure why);
    void requestSent();
    void read(std::span<const std::byte> input);
    void readHead(std::span<const std::byte>& input);
    void upgraded(std::span<const std::byte>& input);
    void readBody(std::span<const std::byte> piece);
    Response makeResponse(const http::ResponseHead& head, Ref<HttpConnection> connection);
    void endOfResponse(bool inputLeft);
    void endOfConnection(const Failure& reason);
    void responseFailed(const std::string& what, std::vector<Failure> reasons);
    void startTimer(Duration allowed);
    void startTimerAt(Duration due);
    void dropTimer();
    void timerRan();
    void timeUp();
    void sendTimeUp();
    void headersTimeUp();
    void bodyTimeUp();
    void again(Duration after);
    std::string peer() const { return exchange_->uri.authority(); }

    // What every request touches comes first and close together: with many connections each line
    // of it is one that the caches have lost meanwhile.
    IReactorTime& clock_;
    ITransport* transport_ = nullptr;
    IConnectionOwner* owner_ = nullptr;
    State state_ = State::Idle;
    Sending phase_ = Sending::Done;  // of the request: waiting for 100 Continue, its body, out
    bool reading_ = false;           // inside read(): no second one
    bool keepAlive_ = false;         // the response lets the connection live
    bool discarding_ = false;
    unsigned requests_ = 0;
    Ref<const Exchange> exchange_;
    std::optional<DeferredSource<Response>> answer_;
    ConnectionResponse* response_ = nullptr;  // who the body is for
    Duration lastActivity_{};
    // What comes next must come until then. The timer runs at that time or before, and is then set
    // anew: most waits end long before, and the next one costs no more than a number.
    Duration deadline_ = kNever;
    Duration timerDue_ = kNever;  // kNever: there is none
    DelayedCall timer_;
    std::shared_ptr<const ExchangeLimits> limits_;
    http::ResponseParser parser_;
    std::optional<Duration> keepAliveFor_;
    std::string held_;  // came and is not parsed: nobody takes the body yet
    std::uint64_t discarded_ = 0;
    std::optional<Deferred<>> sending_;        // the body's producer at work
    std::optional<std::uint64_t> bodyToSend_;  // bytes that the producer still owes
    std::size_t unsent_ = 0;                   // what the transport held when it was last looked at
    std::optional<Failure> lost_;  // why the connection went, while there is something held
};

}  // namespace marline::detail
