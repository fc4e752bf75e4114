// Internal: not installed. Sends pieces of a file as a response's body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/detail/file_cache.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/reactor/producer.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline::http::detail {

/// Some text, then some bytes of the file; either may be empty.
struct FilePiece {
    std::string before;
    std::uint64_t offset;
    std::uint64_t length;
};

/// Sends the pieces as the connection takes them, and finishes the request: up to 1 MiB at a time
/// by sendfile(2) where the transport can, else by reading 64 KiB at a time (Twisted: Z-24). Keeps
/// itself, and the file open, until then or until the client goes. A file that became shorter
/// meanwhile aborts the connection.
class FileProducer final : public RefCounted, public IProducer {
public:
    FileProducer(Ref<Request> request, UniqueFd file, std::vector<FilePiece> pieces);

    /// The same of bytes in memory.
    FileProducer(Ref<Request> request, Ref<KeptBytes> kept);

    void start();

    void resumeProducing() override;
    void pauseProducing() override {}
    void stopProducing() override;

private:
    ~FileProducer() override = default;

    void writeSome();
    bool sendSome(FilePiece& piece);
    void readSome(FilePiece& piece);
    void fail(const std::string& why);
    Ref<FileProducer> over();

    Ref<Request> request_;
    UniqueFd file_;
    Ref<KeptBytes> kept_;  // in the place of the file
    std::vector<FilePiece> pieces_;
    std::size_t at_ = 0;
    std::string buffer_;
    std::optional<Deferred<>> sending_;  // of a piece that the transport has
    Ref<FileProducer> self_;
};

}  // namespace marline::http::detail
