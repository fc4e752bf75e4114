// Where a body goes: to a file or to stdout, counted and hashed on the way.
#pragma once

#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include <marline/marline.hpp>

namespace tools {

/// The body cannot be written where it shall go.
class WriteError : public marline::Error {
public:
    using marline::Error::Error;
};

/// Writes a response's body as it comes.
class BodySink final : public marline::IProtocol {
public:
    enum class Hashing : std::uint8_t { No, Yes };

    /// To `path`; `-` is stdout, and nothing (empty) means that it is only counted. With `append`
    /// behind what is there. More than `maxBytes` fail with BodyTooLarge. Throws WriteError.
    explicit BodySink(const std::string& path, Hashing hashing, bool append = false,
                      std::uint64_t maxBytes = std::numeric_limits<std::uint64_t>::max());

    /// Calls `call` with the number of bytes so far as they come.
    void onBytes(marline::UniqueFunction<void(std::uint64_t)> call) { onBytes_ = std::move(call); }
    /// Writes what is no body.
    void writeHead(const std::string& text);

    /// Fires when the body is complete. A body that only the connection's end marks counts as
    /// complete; it is all that HTTP/1.0 can say.
    marline::Deferred<> done() const { return done_.deferred(); }
    std::uint64_t bytes() const noexcept { return bytes_; }
    /// In hexadecimal; once, when the body is complete; empty without Hashing::Yes.
    std::string sha256();

    void makeConnection(marline::ITransport& transport) override { transport_ = &transport; }
    void dataReceived(std::span<const std::byte> data) override;
    void connectionLost(const marline::Failure& reason) override;

private:
    class Hash;
    struct Close {
        void operator()(std::FILE* file) const noexcept;
    };

    ~BodySink() override;

    void refuse(marline::Failure why);

    std::string path_;
    std::unique_ptr<std::FILE, Close> file_;
    std::unique_ptr<Hash> hash_;  // empty: nobody wants it
    std::uint64_t maxBytes_;
    std::uint64_t bytes_ = 0;
    marline::ITransport* transport_ = nullptr;
    std::optional<marline::Failure> refused_;  // why no more is taken
    marline::DeferredSource<> done_;
    marline::UniqueFunction<void(std::uint64_t)> onBytes_;
};

}  // namespace tools
