// Internal: not installed. One connection of an HTTP server.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <marline/deferred/deferred.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/protocols/http/request_parser.hpp>
#include <marline/protocols/http/site.hpp>

namespace marline::http {

/// Reads requests and has them answered, one at a time (Twisted: `HTTPChannel`).
///
///     Idle --first byte--> Head --head--> Body --end--> Handling --finish()--> Idle
///     any --bad input, time-out--> an error answer, then Draining --the peer closes--> Closed
///
/// What comes while a request is handled is held, and reading pauses: pipelining costs no more
/// memory than one read.
class HttpChannel final : public IProtocol {
public:
    explicit HttpChannel(Ref<Site> site)
        : site_(std::move(site)), parser_(site_->options().wire) {}

    void makeConnection(ITransport& transport) override;
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;

    // For the request that is handled.
    Site& site() const noexcept { return *site_; }
    ITransport* transport() const noexcept { return transport_; }
    bool keepAlive() const noexcept { return keepAlive_; }
    void closeAfterwards() noexcept { keepAlive_ = false; }
    void requestFinished();

private:
    enum class State : std::uint8_t { Idle, Head, Body, Handling, Draining };

    ~HttpChannel() override;

    void read(std::span<const std::byte> input);
    void beginRequest();
    void handle();
    void answer(Rendered rendered, Resource& resource);
    void refuse(int code, const std::string& why);
    void enter(State state, Duration allowed);
    void checkTime();

    Ref<Site> site_;
    RequestParser parser_;
    ITransport* transport_ = nullptr;
    Ref<Request> request_;
    std::optional<Deferred<std::string>> rendering_;
    std::string held_;
    DelayedCall timer_;
    Duration deadline_{};
    State state_ = State::Idle;
    bool reading_ = false;
    bool keepAlive_ = true;
};

}  // namespace marline::http
