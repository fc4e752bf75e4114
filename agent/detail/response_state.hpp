// Internal: not installed. What a Response handle points to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <marline/agent/response.hpp>
#include <marline/agent/uri.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/version.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

class HttpConnection;

/// What a response's head says.
struct ResponseInfo {
    int code;
    std::string phrase;
    http::Version version;
    http::Headers headers;
    std::optional<std::uint64_t> length;
    Uri uri;
    std::string method;
};

/// One response, and the transport that the reader of its body sees.
///
///     Waiting --deliverBody--> Delivering --the body's end--> Over
///     Waiting --the last handle goes--> the connection reads on without it, or closes
class ResponseState final : public RefCounted, private ITransport {
public:
    /// `connection` brings the body; empty when there is none.
    ResponseState(ResponseInfo info, Ref<HttpConnection> connection);

    const ResponseInfo& info() const noexcept { return info_; }
    const std::optional<Response>& previous() const noexcept { return previous_; }
    void setPrevious(Response previous) { previous_.emplace(std::move(previous)); }

    void deliverBody(Ref<IProtocol> receiver);
    void discardBody();
    void abort();

    // For the connection.
    /// Whether somebody takes the body now.
    bool wantsData() const noexcept { return receiver_ && !paused_; }
    bool paused() const noexcept { return paused_; }
    void bodyReceived(std::span<const std::byte> data) {
        // It may abort from there, which lets go of it.
        const Ref<IProtocol> receiver = receiver_;
        receiver->dataReceived(data);
    }
    /// The body is over; the connection is no longer this response's.
    void bodyEnded(const Failure& reason);

private:
    ~ResponseState() override;

    void write(std::span<const std::byte>) override {}
    void writeSequence(std::span<const std::span<const std::byte>>) override {}
    void loseConnection() override { abort(); }
    void abortConnection() override { abort(); }
    void loseWriteConnection() override {}
    void pauseProducing() override { paused_ = true; }
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing mode) override;
    void unregisterProducer() override {}
    std::size_t bytesBuffered() const noexcept override { return 0; }
    bool disconnecting() const noexcept override { return !connection_; }
    const Address& getHost() const noexcept override;
    const Address& getPeer() const noexcept override;
    void setTcpNoDelay(bool) override {}
    void setTcpKeepAlive(bool) override {}

    ResponseInfo info_;
    std::optional<Response> previous_;
    Ref<HttpConnection> connection_;  // while there is body to come
    Ref<IProtocol> receiver_;
    Ref<ResponseState> self_;            // while it delivers: the reader needs no handle
    std::optional<Failure> endedEarly_;  // the body's end, before anybody read it
    bool delivered_ = false;
    bool paused_ = false;
};

}  // namespace marline::detail
