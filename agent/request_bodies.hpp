// Bodies of requests: files, forms, multipart, and what a function gives piece by piece.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <marline/agent/body.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>

namespace marline {

/// Bytes that a streamed body reads and writes at a time.
inline constexpr std::size_t kBodyPiece = 64 * 1024;

/// A file, or the rest of one, read while it is sent (Twisted: `FileBodyProducer`): 64 KiB at a
/// time, and only when the connection takes more, so that memory does not grow with the file.
///
/// The file is opened here and closed with the last reference. Its length is fixed at that moment;
/// a file that has become shorter fails the request. Reading does not move a shared file position,
/// so the body is repeatable.
class MARLINE_API FileBody final : public IBodyProducer {
public:
    /// From byte `offset` to the end. Throws std::system_error, which names the file, when it
    /// cannot be opened or is no regular file, and std::out_of_range when it has no byte `offset`.
    explicit FileBody(const std::string& path, std::uint64_t offset = 0);

    std::optional<std::uint64_t> length() const override { return end_ - offset_; }
    bool repeatable() const override { return true; }
    Deferred<> startProducing(IBodyConsumer& consumer) override;

private:
    class Pump;

    ~FileBody() override;

    std::string path_;
    int fd_;
    std::uint64_t offset_;
    std::uint64_t end_ = 0;
};

/// What a function gives, piece by piece, until it gives none; the length is not known, so it is
/// sent in chunks. The function is called again only when its last piece has left.
class MARLINE_API GeneratorBody final : public IBodyProducer {
public:
    /// Gives the next piece, or nothing at the end; a failure fails the request.
    using Next = UniqueFunction<Deferred<std::optional<std::string>>()>;

    template <class F>
        requires std::is_constructible_v<Next, F>
    explicit GeneratorBody(F&& next) : next_(std::forward<F>(next)) {}

    std::optional<std::uint64_t> length() const override { return std::nullopt; }
    /// Once: what was generated is gone. A second call fails.
    Deferred<> startProducing(IBodyConsumer& consumer) override;

private:
    class Pump;

    Next next_;
};

/// Names and values, in order; a name may occur more than once.
using FormFields = std::vector<std::pair<std::string, std::string>>;

/// `fields` as application/x-www-form-urlencoded (WHATWG URL §5.2): bytes other than letters,
/// digits and `*-._` are percent-encoded, spaces become `+`.
MARLINE_API std::string formEncoded(std::span<const std::pair<std::string, std::string>> fields);

/// A body of formEncoded() `fields`, with its Content-Type.
MARLINE_API Ref<IBodyProducer> formBody(
    std::span<const std::pair<std::string, std::string>> fields);

/// A body in memory with its Content-Type.
MARLINE_API Ref<IBodyProducer> typedBody(std::string text, std::string contentType);

/// multipart/form-data (RFC 7578): fields and files one behind the other, streamed, so that files
/// of any size take no memory.
class MARLINE_API MultipartBody final : public IBodyProducer {
public:
    /// With a boundary made of random bits.
    MultipartBody();
    /// With a boundary of the caller's, for tests. Throws std::invalid_argument when it is none
    /// (RFC 2046 §5.1.1).
    explicit MultipartBody(std::string boundary);

    /// Adds a field.
    MultipartBody& add(std::string_view name, std::string_view value);
    /// Adds a file on disk, as `fileName` or under its own name; throws as FileBody does.
    MultipartBody& addFile(std::string_view name, const std::string& path,
                           std::string_view contentType = "application/octet-stream",
                           std::string_view fileName = {});
    /// Adds what `body` produces, as a file called `fileName`; as a field when that is empty.
    MultipartBody& add(std::string_view name, Ref<IBodyProducer> body, std::string_view contentType,
                       std::string_view fileName = {});

    /// Known when that of each part is.
    std::optional<std::uint64_t> length() const override;
    bool repeatable() const override;
    std::string contentType() const override;
    Deferred<> startProducing(IBodyConsumer& consumer) override;

private:
    struct Part {
        std::string head;  // the boundary before it included
        Ref<IBodyProducer> body;
    };

    ~MultipartBody() override = default;

    Deferred<> sendFrom(std::size_t part, IBodyConsumer& consumer);
    std::string closing() const { return "--" + boundary_ + "--\r\n"; }

    std::string boundary_;
    std::vector<Part> parts_;
};

}  // namespace marline
