// Bodies: what a request sends, and reading what a response brings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <marline/agent/response.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/producer.hpp>

namespace marline {

/// Where a body is written to. Counts what comes against the length that was announced.
class MARLINE_API IBodyConsumer : public IConsumer {
public:
    virtual void write(std::span<const std::byte> data) = 0;

protected:
    ~IBodyConsumer() = default;
};

/// Produces the body of a request (Twisted: `IBodyProducer`).
class MARLINE_API IBodyProducer : public RefCounted {
public:
    /// Bytes that will be written; none when unknown, and then the body is sent in chunks.
    virtual std::optional<std::uint64_t> length() const = 0;
    /// Whether startProducing() can be called again and writes the same: a request may then be
    /// sent a second time.
    virtual bool repeatable() const { return false; }
    /// The Content-Type of a request that has none; empty: none is sent.
    virtual std::string contentType() const { return {}; }
    /// Writes the body to `consumer`, now or bit by bit; the Deferred fires when all is written.
    /// Its failure fails the request. It is cancelled when the connection goes, after which
    /// `consumer` must not be used.
    virtual Deferred<> startProducing(IBodyConsumer& consumer) = 0;

protected:
    ~IBodyProducer() override = default;
};

/// A body that is in memory.
class MARLINE_API StringBody final : public IBodyProducer {
public:
    explicit StringBody(std::string text) : text_(std::move(text)) {}

    std::optional<std::uint64_t> length() const override { return text_.size(); }
    bool repeatable() const override { return true; }
    Deferred<> startProducing(IBodyConsumer& consumer) override;

private:
    std::string text_;
};

/// How much readBody() takes when it is not told: 64 MiB.
inline constexpr std::size_t kMaxBodyBytes = std::size_t{64} << 20;

/// Collects the whole body (Twisted: `readBody`).
///
/// Fails with BodyTooLarge when there are more than `maxBytes`, with PartialDownloadError, which
/// has the bytes, when only the connection's end marked the body's, and with ResponseFailed when it
/// was cut. Cancelling it closes the connection. A body is read once: a second reader fails with a
/// std::logic_error.
MARLINE_API Deferred<std::string> readBody(const Response& response,
                                           std::size_t maxBytes = kMaxBodyBytes);

}  // namespace marline
