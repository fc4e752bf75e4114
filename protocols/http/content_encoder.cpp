#include <marline/protocols/http/content_encoder.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <utility>

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include <marline/protocols/http/detail/accept.hpp>

namespace marline::http {
namespace {

constexpr std::size_t kRoom = 16 * 1024;
constexpr int kGzipWindow = 15 + 16;  // the largest, with a gzip header
constexpr int kMemory = 8;            // zlib's default

class GzipEncoder final : public ContentEncoder {
public:
    explicit GzipEncoder(int effort) {
        if (deflateInit2(&stream_, effort, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) !=
            Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~GzipEncoder() override { deflateEnd(&stream_); }

    void encode(std::string_view data, EncodeFlush flush, std::string& out) override {
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
        stream_.avail_in = static_cast<uInt>(data.size());
        std::array<Bytef, kRoom> room;
        do {
            stream_.next_out = room.data();
            stream_.avail_out = static_cast<uInt>(room.size());
            deflate(&stream_, flush == EncodeFlush::Finish ? Z_FINISH : Z_SYNC_FLUSH);
            out.append(reinterpret_cast<const char*>(room.data()), room.size() - stream_.avail_out);
        } while (stream_.avail_out == 0);
    }

private:
    z_stream stream_{};
};

class BrotliEncoder final : public ContentEncoder {
public:
    explicit BrotliEncoder(int effort)
        : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr),
                 &BrotliEncoderDestroyInstance) {
        if (!state_) {
            throw std::bad_alloc();
        }
        BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_QUALITY,
                                  static_cast<std::uint32_t>(effort));
        BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_LGWIN, 18);
    }

    void encode(std::string_view data, EncodeFlush flush, std::string& out) override {
        const auto* in = reinterpret_cast<const std::uint8_t*>(data.data());
        std::size_t left = data.size();
        const BrotliEncoderOperation operation =
            flush == EncodeFlush::Finish ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_FLUSH;
        // What waits to be taken keeps the next block from being made, also the last: only a call
        // that gives nothing more is the end.
        std::size_t size = 0;
        do {
            std::size_t none = 0;
            if (BrotliEncoderCompressStream(state_.get(), operation, &left, &in, &none, nullptr,
                                            nullptr) == BROTLI_FALSE) {
                throw std::bad_alloc();
            }
            size = 0;
            const std::uint8_t* piece = BrotliEncoderTakeOutput(state_.get(), &size);
            out.append(reinterpret_cast<const char*>(piece), size);
        } while (left > 0 || size > 0);
    }

private:
    std::unique_ptr<BrotliEncoderState, void (*)(BrotliEncoderState*)> state_;
};

class ZstdEncoder final : public ContentEncoder {
public:
    explicit ZstdEncoder(int effort) : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
        if (!context_) {
            throw std::bad_alloc();
        }
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, effort);
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, 19);
    }

    void encode(std::string_view data, EncodeFlush flush, std::string& out) override {
        ZSTD_inBuffer in{data.data(), data.size(), 0};
        std::array<char, kRoom> room;
        std::size_t left = 0;
        do {
            ZSTD_outBuffer to{room.data(), room.size(), 0};
            left = ZSTD_compressStream2(context_.get(), &to, &in,
                                        flush == EncodeFlush::Finish ? ZSTD_e_end : ZSTD_e_flush);
            if (ZSTD_isError(left) != 0) {
                throw std::bad_alloc();
            }
            out.append(room.data(), to.pos);
        } while (left > 0);
    }

private:
    std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context_;
};

/// Whether bodies of that type get shorter.
bool isTextLike(std::string_view type) noexcept {
    type = type.substr(0, type.find_first_of("; \t"));
    constexpr std::array<std::string_view, 8> kTypes{
        "application/json", "application/javascript",       "application/xml",
        "application/wasm", "application/manifest+json",    "application/x-ndjson",
        "image/svg+xml",    "application/vnd.ms-fontobject"};
    return type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml") ||
           std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

void addVary(Headers& fields) {
    const std::string_view vary = fields.get("Vary").value_or("");
    if (vary == "*" || vary.find("Accept-Encoding") != std::string_view::npos) {
        return;
    }
    fields.addRawHeader("Vary", "Accept-Encoding");
}

}  // namespace

ContentEncoder::~ContentEncoder() = default;

std::unique_ptr<ContentEncoder> ContentEncoder::make(std::string_view coding, int effort) {
    if (coding == "br") {
        return std::make_unique<BrotliEncoder>(effort);
    }
    if (coding == "zstd") {
        return std::make_unique<ZstdEncoder>(effort);
    }
    if (coding == "gzip") {
        return std::make_unique<GzipEncoder>(effort);
    }
    return nullptr;
}

ContentEncodings::ContentEncodings(EncodingOptions options)
    : options_(std::move(options)), codings_(options_.codings.begin(), options_.codings.end()) {
    options_.effort = std::clamp(options_.effort, 1, 9);
    for (const std::string& coding : options_.codings) {
        if (!ContentEncoder::make(coding, options_.effort)) {
            throw std::invalid_argument("EncodingOptions::codings: " + coding +
                                        " is none of br, zstd and gzip");
        }
    }
}

bool ContentEncodings::mayEncode(std::string_view type, const Headers& fields,
                                 std::optional<std::uint64_t> whole) const noexcept {
    return isTextLike(type) && !fields.hasHeader("Content-Encoding") &&
           (!whole || *whole >= options_.minSize) &&
           fields.get("Cache-Control").value_or("").find("no-transform") == std::string_view::npos;
}

std::unique_ptr<ContentEncoder> ContentEncodings::begin(std::string_view accepted, Headers& fields,
                                                        std::optional<std::uint64_t> whole) const {
    if (!mayEncode(fields.get("Content-Type").value_or(""), fields, whole)) {
        return nullptr;
    }
    addVary(fields);
    const std::string_view coding = detail::preferred(accepted, codings_);
    auto encoder = ContentEncoder::make(coding, options_.effort);
    if (encoder) {
        announce(coding, fields);
    }
    return encoder;
}

std::optional<BodyCoding> ContentEncodings::choose(std::string_view accepted, std::string_view type,
                                                   const Headers& fields,
                                                   std::optional<std::uint64_t> whole) const {
    if (!mayEncode(type, fields, whole)) {
        return std::nullopt;
    }
    const std::string_view coding = detail::preferred(accepted, codings_);
    return coding.empty() ? std::nullopt : std::optional(BodyCoding{coding, options_.effort});
}

void ContentEncodings::announce(std::string_view coding, Headers& fields) const {
    addVary(fields);
    fields.setRawHeaders("Content-Encoding", {coding});
    fields.removeHeader("Content-Length");
    fields.removeHeader("Accept-Ranges");
    const std::string_view tag = fields.get("ETag").value_or("");
    if (tag.starts_with('"')) {
        weakTag_.assign("W/").append(tag);
        fields.setRawHeaders("ETag", {weakTag_});
    }
}

}  // namespace marline::http
