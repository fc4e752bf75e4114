#include <marline/protocols/http/detail/zlib_decoder.hpp>

#include <algorithm>
#include <limits>
#include <new>

namespace marline::http::detail {

namespace {

constexpr int kGzipWindow = MAX_WBITS + 16;

/// Whether a stream that begins with `first` has zlib's wrapping (RFC 1950 §2.2: CM is 8, CINFO at
/// most 7). As the start of bare deflate data it would be a stored block with its padding set.
bool zlibWrapped(std::byte first) noexcept {
    const auto byte = std::to_integer<unsigned>(first);
    return (byte & 0x0fU) == 8 && (byte >> 4U) <= 7;
}

}  // namespace

ZlibDecoder::~ZlibDecoder() {
    if (stream_.state != nullptr)
        inflateEnd(&stream_);
}

bool ZlibDecoder::start(std::byte first) {
    if (state_ == State::Behind) {
        if (format_ == Format::Deflate)
            return false;
        inflateReset(&stream_);
    } else {
        int window = kGzipWindow;
        if (format_ == Format::Deflate)
            window = zlibWrapped(first) ? MAX_WBITS : -MAX_WBITS;
        if (inflateInit2(&stream_, window) != Z_OK)
            throw std::bad_alloc();
    }
    state_ = State::Inside;
    return true;
}

DecodeStep ZlibDecoder::next(std::span<const std::byte>& input) {
    for (;;) {
        if (input.empty() && !full_)
            return DecodeStep::NeedInput;
        if (state_ != State::Inside && !start(input.front()))
            return fail("there are bytes behind its end");
        const std::span<std::byte> out = room();
        const auto offered = static_cast<uInt>(
            std::min<std::size_t>(input.size(), std::numeric_limits<uInt>::max()));
        stream_.next_in =
            reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));  // zlib only reads
        stream_.avail_in = offered;
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = static_cast<uInt>(out.size());
        const int status = inflate(&stream_, Z_NO_FLUSH);
        input = input.subspan(offered - stream_.avail_in);
        full_ = stream_.avail_out == 0 && status != Z_STREAM_END;
        if (status == Z_STREAM_END)
            state_ = State::Behind;
        else if (status != Z_OK && status != Z_BUF_ERROR)
            return fail(stream_.msg != nullptr ? stream_.msg : zError(status));
        if (stream_.avail_out < out.size())
            return give(out.size() - stream_.avail_out);
    }
}

}  // namespace marline::http::detail
