// Internal: not installed. A response whose body comes from a connection.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <marline/agent/detail/response_state.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/field_view.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

class HttpConnection;

/// One response, and the transport that the reader of its body sees.
///
///     Waiting --deliverBody--> Delivering --the body's end--> Over
///     Waiting --the last handle goes--> the connection reads on without it, or closes
class ConnectionResponse final : public ResponseState, private ITransport {
public:
    /// `connection` brings the body; empty when there is none.
    ConnectionResponse(ResponseInfo info, Ref<HttpConnection> connection);

    const http::Headers& trailers() const noexcept override { return trailers_; }
    void deliverBody(Ref<IProtocol> receiver) override;
    void discardBody() override;
    void abort() override;
    void handOver(Ref<IProtocol> protocol) override;

    // For the connection.
    /// Whether somebody takes the body now.
    bool wantsData() const noexcept { return receiver_ && !paused_; }
    bool paused() const noexcept { return paused_; }
    void bodyReceived(std::span<const std::byte> data) {
        // It may abort from there, which lets go of it.
        const Ref<IProtocol> receiver = receiver_;
        receiver->dataReceived(data);
    }
    void trailersReceived(std::span<const http::FieldView> fields) {
        trailers_ = http::Headers(fields);
    }
    /// The body is over; the connection is no longer this response's.
    void bodyEnded(const Failure& reason);

private:
    ~ConnectionResponse() override;

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

    http::Headers trailers_;
    Ref<HttpConnection> connection_;  // while there is body to come
    Ref<IProtocol> receiver_;
    Ref<ConnectionResponse> self_;       // while it delivers: the reader needs no handle
    std::optional<Failure> endedEarly_;  // the body's end, before anybody read it
    bool delivered_ = false;
    bool switched_ = false;
    bool paused_ = false;
};

}  // namespace marline::detail
