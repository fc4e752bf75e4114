// Internal: not installed. One connection of an HTTP server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <marline/deferred/deferred.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/protocols/http/request_parser.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/producer.hpp>

namespace marline::http {

/// Reads requests and has them answered, one at a time (Twisted: `HTTPChannel`).
///
///     Idle --some of a head--> Head --a body is announced--> Body --its end--> Handling
///     Idle, Head --a head without a body--> Handling --finish()--> Idle
///     any --bad input, a time-out, the last response--> Closing --the peer closes--> gone
///
/// What comes while a request is handled, or while the client does not take its responses, is held
/// up to kHeldBytes and one read; then reading pauses. It does not pause before, because only who
/// reads learns that the client has gone.
class HttpChannel final : public IProtocol, public IProducer {
public:
    explicit HttpChannel(Ref<Site> site) : site_(std::move(site)), parser_(site_->options().wire) {}

    void makeConnection(ITransport& transport) override;
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;
    bool wantsHalfClose() const noexcept override { return true; }
    void readConnectionLost() override;

    // The transport's buffer is full, or was emptied.
    void pauseProducing() override { blocked_ = true; }
    void resumeProducing() override;
    void stopProducing() override {}

    // For the site's shutdown.
    bool closeWhenDone();
    bool busy() const noexcept { return state_ != State::Closing; }

    // For the request that is handled.
    Duration now() const noexcept { return now_; }
    Site& site() const noexcept { return *site_; }
    const Address& peer() const noexcept { return peer_; }
    const Address& host() const noexcept {
        return transport_ != nullptr ? transport_->getHost() : gone_;
    }
    bool secure() const noexcept { return transport_ != nullptr && transport_->tls() != nullptr; }
    bool keepAlive() const noexcept { return keepAlive_; }
    void closeAfterwards() noexcept { keepAlive_ = false; }
    std::string_view date() const;
    void send(std::string_view bytes);
    std::optional<Deferred<>> sendFile(int fd, std::uint64_t offset, std::uint64_t count);
    void abort();
    void pauseBody(const Request& request);
    void resumeBody(const Request& request);
    void attachProducer(IProducer& producer, Producing mode);
    void detachProducer();
    void requestFinished();
    void failed(Request& request, const Failure& why);

private:
    friend class Site;
    enum class State : std::uint8_t { Idle, Head, Body, Handling, Closing };

    ~HttpChannel() override;

    // Reading.
    bool mayRead() const noexcept;
    void read(std::span<const std::byte>& input);
    void readHeld();
    void hold(std::span<const std::byte> data);
    void settle();
    void beginRequest();
    std::uint64_t askForBody();
    void takeBody(std::string_view piece);
    void endBody();
    void forgetBody();

    // Answering.
    void handle();
    void render(Request& request);
    void answer(Rendered rendered, Request& request, Resource& resource);
    void answerAs(const Ref<Resource>& resource, Request& request);
    template <class T, class F>
    void answerLater(Deferred<T> outcome, Request& request, F then);
    void notAllowed(Request& request, Resource& resource);
    void errorPage(Request& request, int code, std::string_view text);

    // Ending.
    void refuse(int code, std::string_view why);
    void refuse(const Failure& why);
    void clientGone(const Failure& why);
    void close();

    // Time.
    void allow(Duration time);
    void checkTime();
    void stopTimer();
    bool clientReads();

    Ref<Site> site_;
    HttpChannel* next_ = nullptr;       // in the site's list
    HttpChannel** previous_ = nullptr;  // what points here; null when nothing does
    RequestParser parser_;
    ITransport* transport_ = nullptr;
    IProducer* attached_ = nullptr;  // the request's, in this one's place at the transport
    Ref<Request> request_;
    Ref<Resource> resource_;    // of request_, when it was looked for before its body
    BodySink* sink_ = nullptr;  // of request_
    std::optional<Deferred<>> rendering_;
    std::string held_;  // unread, from heldFrom_ on
    std::size_t heldFrom_ = 0;
    Address peer_;
    Address gone_;
    DelayedCall timer_;
    Duration now_{};       // while reading_
    Duration deadline_{};  // of the state
    Duration timerDue_ = Duration::max();
    std::uint64_t sent_ = 0;   // bytes given to the transport
    std::uint64_t taken_ = 0;  // of them, taken by the client when that was last looked at
    State state_ = State::Idle;
    bool waited_ = false;      // there was something to take then
    bool found_ = false;       // resource_ was looked for
    bool reading_ = false;     // in read()
    bool bodyCame_ = false;    // since the last settle()
    bool bodyPaused_ = false;  // who takes the body wants no more for now
    bool paused_ = false;      // the transport was told not to read
    bool blocked_ = false;     // the transport's buffer is full
    bool keepAlive_ = true;
};

}  // namespace marline::http
