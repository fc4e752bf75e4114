// Internal: not installed. Responses that come from a cache, and those on their way into one.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <marline/agent/detail/cache_index.hpp>
#include <marline/agent/detail/response_state.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

/// A response whose body is in memory, and the transport that its reader sees.
class StoredResponse final : public ResponseState, private ITransport {
public:
    /// `entry` has the body; empty: there is none.
    StoredResponse(ResponseInfo info, Ref<CacheEntry> entry)
        : ResponseState(std::move(info)), entry_(std::move(entry)) {}

    const http::Headers& trailers() const noexcept override;
    void deliverBody(Ref<IProtocol> receiver) override;
    void discardBody() override { delivered_ = true; }
    void abort() override;
    void handOver(Ref<IProtocol>) override { refuseHandOver(); }

private:
    ~StoredResponse() override = default;

    void goOn();
    void readerThrew();
    void end(const Failure& reason);

    void write(std::span<const std::byte>) override {}
    void writeSequence(std::span<const std::span<const std::byte>>) override {}
    void loseConnection() override { abort(); }
    void abortConnection() override { abort(); }
    void loseWriteConnection() override {}
    void pauseProducing() override { paused_ = true; }
    void resumeProducing() override;
    void registerProducer(IProducer& producer, Producing) override { producer.stopProducing(); }
    void unregisterProducer() override {}
    std::size_t bytesBuffered() const noexcept override { return 0; }
    bool disconnecting() const noexcept override { return !receiver_; }
    const Address& getHost() const noexcept override;
    const Address& getPeer() const noexcept override { return getHost(); }
    void setTcpNoDelay(bool) override {}
    void setTcpKeepAlive(bool) override {}

    Ref<CacheEntry> entry_;
    Ref<IProtocol> receiver_;  // until it was told of the end
    Ref<StoredResponse> self_;
    std::optional<Failure> endedEarly_;
    std::size_t given_ = 0;
    bool delivered_ = false;
    bool paused_ = false;
    bool busy_ = false;
};

/// A response whose body is kept in `entry` on its way to the reader, and stored when it came
/// whole and is not too long.
class RecordedResponse final : public ResponseState {
public:
    RecordedResponse(ResponseInfo info, Response inner, Ref<CacheRequest> asked,
                     Ref<CacheEntry> entry)
        : ResponseState(std::move(info)), inner_(std::move(inner)), asked_(std::move(asked)),
          entry_(std::move(entry)) {}

    const http::Headers& trailers() const noexcept override { return inner_.trailers(); }
    void deliverBody(Ref<IProtocol> receiver) override;
    /// A short body is read to its end, and so kept: redirects have such.
    void discardBody() override;
    void abort() override { inner_.abort(); }
    void handOver(Ref<IProtocol> protocol) override { inner_.switchProtocol(std::move(protocol)); }

private:
    ~RecordedResponse() override = default;

    Response inner_;
    Ref<CacheRequest> asked_;
    Ref<CacheEntry> entry_;
};

}  // namespace marline::detail
