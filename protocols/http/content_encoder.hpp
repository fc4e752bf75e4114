// Puts content codings on response bodies: br, zstd and gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/resource.hpp>

namespace marline::http {

/// What an encoder gives out of what it has.
enum class EncodeFlush : std::uint8_t {
    Sync,    ///< All that came so far can be decoded.
    Finish,  ///< The body is complete.
};

/// Puts one coding on one body.
class MARLINE_API ContentEncoder {
public:
    ContentEncoder() = default;
    ContentEncoder(const ContentEncoder&) = delete;
    ContentEncoder& operator=(const ContentEncoder&) = delete;
    virtual ~ContentEncoder();

    /// An encoder for `br`, `zstd` or `gzip`; null for anything else. Effort goes from 1 (fast) to
    /// 9 (small).
    static std::unique_ptr<ContentEncoder> make(std::string_view coding, int effort);

    /// Appends what `data` becomes to `out`. Throws std::bad_alloc.
    virtual void encode(std::string_view data, EncodeFlush flush, std::string& out) = 0;
};

/// Which bodies are encoded, and how.
struct EncodingOptions {
    /// In the server's order among those that the client wants equally.
    std::vector<std::string> codings = {"br", "zstd", "gzip"};
    /// A body that is known to be shorter stays as it is.
    std::size_t minSize = 1024;
    /// From 1 (fast) to 9 (small).
    int effort = 4;
};

/// Which coding, and how much effort goes into it.
struct BodyCoding {
    std::string_view name;  ///< As ContentEncoder::make() takes it.
    int effort;
};

/// Decides about the encoding of a response.
class MARLINE_API ContentEncodings final : public RefCounted {
public:
    /// Throws std::invalid_argument for a coding that ContentEncoder::make() does not know.
    explicit ContentEncodings(EncodingOptions options = {});

    /// The encoder for a body with these fields, whose length is `whole` if it is known; null when
    /// it is to go as it is. Changes the fields accordingly: Content-Encoding, Vary, a weak ETag,
    /// no Content-Length. Only text-like types are encoded, and neither what has a coding already
    /// nor what is not to be transformed.
    std::unique_ptr<ContentEncoder> begin(std::string_view accepted, Headers& fields,
                                          std::optional<std::uint64_t> whole) const;
    /// What begin() would choose for a body of that type; none when it is to go as it is. The name
    /// lives as long as this.
    std::optional<BodyCoding> choose(std::string_view accepted, std::string_view type,
                                     const Headers& fields,
                                     std::optional<std::uint64_t> whole) const;
    /// Changes the fields to those of a body with that coding, as begin() does.
    void announce(std::string_view coding, Headers& fields) const;

private:
    ~ContentEncodings() override = default;

    bool mayEncode(std::string_view type, const Headers& fields,
                   std::optional<std::uint64_t> whole) const noexcept;

    EncodingOptions options_;
    std::vector<std::string_view> codings_;  // those of options_
    mutable std::string weakTag_;            // only to keep its memory
};

/// Encodes what the wrapped resource, and all below it, answers (Twisted:
/// `EncodingResourceWrapper`). Do not use it where a secret stands beside what a visitor sent: the
/// length tells about the secret (BREACH).
///
///     auto site = makeRef<http::Site>(reactor, makeRef<http::EncodingResourceWrapper>(root));
class MARLINE_API EncodingResourceWrapper final : public Resource {
public:
    explicit EncodingResourceWrapper(Ref<Resource> original, EncodingOptions options = {})
        : original_(std::move(original)),
          encodings_(makeRef<ContentEncodings>(std::move(options))) {}

    Ref<Resource> standIn(Request& request) override {
        request.offerEncodings(encodings_);
        return original_;
    }

private:
    Ref<Resource> original_;
    Ref<ContentEncodings> encodings_;
};

}  // namespace marline::http
