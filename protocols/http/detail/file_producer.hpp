// Internal: not installed. Sends pieces of a file as a response's body.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <marline/deferred/ref.hpp>
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

/// Writes the pieces as the connection takes them, 64 KiB at a time (Twisted: Z-24), and finishes
/// the request. Keeps itself, and the file open, until then or until the client goes. A file that
/// became shorter meanwhile aborts the connection.
class FileProducer final : public RefCounted, public IProducer {
public:
    FileProducer(Ref<Request> request, UniqueFd file, std::vector<FilePiece> pieces);

    void start();

    void resumeProducing() override;
    void pauseProducing() override {}
    void stopProducing() override;

private:
    ~FileProducer() override = default;

    void writeSome();
    Ref<FileProducer> over();

    Ref<Request> request_;
    UniqueFd file_;
    std::vector<FilePiece> pieces_;
    std::size_t at_ = 0;
    std::string buffer_;
    Ref<FileProducer> self_;
};

}  // namespace marline::http::detail
