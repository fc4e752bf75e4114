// Internal: not installed. Stands between a coded body and its reader.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/content_decoder.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

/// Reads a coded body, and is the transport that the reader of the decoded one sees.
///
///     Open --the coded body ends--> Ending, while the reader has paused --all is given--> Over
///     any --bad data, abort--> Over
class DecodingBody final : public IProtocol, private ITransport {
public:
    /// `origin` is named in errors.
    DecodingBody(Ref<IProtocol> receiver, http::ContentDecoding decoding, std::string origin)
        : receiver_(std::move(receiver)), decoding_(std::move(decoding)),
          origin_(std::move(origin)) {}

    void makeConnection(ITransport& transport) override;
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const Failure& reason) override;

private:
    ~DecodingBody() override = default;

    void decode(std::span<const std::byte> input);
    http::DecodeStep step(std::span<const std::byte>& input);
    void goOn();
    void fail(const std::string& what, Failure why);
    void ended();
    void finish(const Failure& reason);

    void write(std::span<const std::byte>) override {}
    void writeSequence(std::span<const std::span<const std::byte>>) override {}
    void loseConnection() override { abortConnection(); }
    void abortConnection() override;
    void loseWriteConnection() override {}
    void pauseProducing() override;
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing) override { producer.stopProducing(); }
    void unregisterProducer() override {}
    std::size_t bytesBuffered() const noexcept override { return 0; }
    bool disconnecting() const noexcept override { return !receiver_; }
    const Address& getHost() const noexcept override;
    const Address& getPeer() const noexcept override;
    void setTcpNoDelay(bool) override {}
    void setTcpKeepAlive(bool) override {}

    Ref<IProtocol> receiver_;  // until it was told of the end
    http::ContentDecoding decoding_;
    std::string origin_;
    ITransport* transport_ = nullptr;  // the coded body's, while it lasts
    std::string held_;                 // came and is not decoded: the reader has paused
    std::optional<Failure> end_;       // the coded body's, while not all of it was given
    Ref<DecodingBody> self_;           // from then on nobody else keeps it
    bool paused_ = false;
    bool waiting_ = false;  // the coded body's transport is paused
    bool busy_ = false;     // inside decode(): no second one
};

}  // namespace marline::detail
