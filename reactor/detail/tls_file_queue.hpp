// Internal: not installed. The files that a TlsLayer is to send.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <marline/reactor/detail/file_send.hpp>
#include <marline/reactor/detail/out_buffer.hpp>
#include <marline/reactor/detail/tls_layer.hpp>

namespace marline::detail {

/// The files, each with what was written after it; to the transport below they are a pull producer.
class TlsFileQueue final : public IProducer {
public:
    explicit TlsFileQueue(TlsLayer& layer) : layer_(layer) {}

    void resumeProducing() override { layer_.sendOfFile(); }
    void pauseProducing() override {}
    void stopProducing() override {}

    std::unique_ptr<OutBuffer> front = std::make_unique<OutBuffer>();  // has a file, and no bytes
    std::array<std::byte, 64 * 1024> piece;
    bool begun = false;

private:
    TlsLayer& layer_;
};

}  // namespace marline::detail
