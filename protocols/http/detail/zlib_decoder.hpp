// Internal: not installed. gzip and deflate by zlib.
#pragma once

#include <marline/protocols/http/content_decoder.hpp>

#include <zlib.h>

namespace marline::http::detail {

/// gzip with any number of members (RFC 1952 §2.2), or deflate, which servers send both with zlib's
/// wrapping, as RFC 9110 §8.4.1.2 says, and without.
class ZlibDecoder final : public ContentDecoder {
public:
    enum class Format : std::uint8_t { Gzip, Deflate };

    explicit ZlibDecoder(Format format) : format_(format) {}
    ZlibDecoder(const ZlibDecoder&) = delete;
    ZlibDecoder& operator=(const ZlibDecoder&) = delete;
    ~ZlibDecoder() override;

    DecodeStep next(std::span<const std::byte>& input) override;
    bool complete() const noexcept override { return state_ != State::Inside; }

private:
    enum class State : std::uint8_t { Before, Inside, Behind };

    bool start(std::byte first);

    z_stream stream_{};
    Format format_;
    State state_ = State::Before;
    bool full_ = false;  // the last piece filled the room: there may be more of it
};

}  // namespace marline::http::detail
