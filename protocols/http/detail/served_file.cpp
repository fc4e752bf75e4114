#include <marline/protocols/http/detail/served_file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <marline/protocols/http/detail/byte_ranges.hpp>
#include <marline/protocols/http/detail/conditions.hpp>
#include <marline/protocols/http/detail/file_producer.hpp>
#include <marline/protocols/http/detail/temporary_file.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline::http::detail {
namespace {

// Up to here a file is read at once, and leaves in one write with its head.
constexpr std::uint64_t kAtOnce = 32 * 1024;

/// `"18f2a6c0d4e8b100-3ff"`: the time of change and the size, and the coding if there is one.
class EntityTag {
public:
    EntityTag(const FileVersion& version, std::string_view encoding) noexcept {
        char* at = text_.data();
        *at++ = '"';
        at =
            std::to_chars(at, at + kDigits, static_cast<std::uint64_t>(version.changed.count()), 16)
                .ptr;
        *at++ = '-';
        at = std::to_chars(at, at + kDigits, version.size, 16).ptr;
        if (!encoding.empty()) {
            *at++ = '-';
            at = std::copy(encoding.begin(), encoding.end(), at);
        }
        *at++ = '"';
        size_ = static_cast<std::size_t>(at - text_.data());
    }
    operator std::string_view() const noexcept { return {text_.data(), size_}; }

private:
    static constexpr std::size_t kDigits = 16;
    static constexpr std::size_t kLongestCoding = 8;

    std::array<char, 2 * kDigits + kLongestCoding + 4> text_;
    std::size_t size_;
};

/// A line that no file has by chance.
std::string newBoundary() {
    std::random_device random;
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%08x%08x%08x%08x", random(), random(), random(),
                  random());
    return text.data();
}

void readWhole(int fd, ByteRange range, std::string& content) {
    content.resize(static_cast<std::size_t>(range.length));
    for (std::size_t done = 0; done < content.size();) {
        done += readAt(fd, content.data() + done, content.size() - done, range.first + done);
    }
}

Rendered wholeInMemory(Request& request, const OpenFile& file, ByteRange range) {
    Site& site = request.site();
    std::string content = site.takeBuffer();
    readWhole(file.fd.get(), range, content);
    request.finish(content);
    site.giveBuffer(std::move(content));
    return NotDoneYet{};
}

Rendered send(Request& request, OpenFile file, std::vector<FilePiece> pieces) {
    std::uint64_t length = 0;
    for (const FilePiece& piece : pieces) {
        length += piece.before.size() + piece.length;
    }
    request.setHeader("Content-Length", std::to_string(length));
    makeRef<FileProducer>(Ref<Request>(&request), std::move(file.fd), std::move(pieces))->start();
    return NotDoneYet{};
}

Rendered sendOne(Request& request, OpenFile file, ByteRange range) {
    if (range.length <= kAtOnce) {
        return wholeInMemory(request, file, range);
    }
    return send(request, std::move(file), {{{}, range.first, range.length}});
}

/// What goes out at once, or as the client takes it.
Rendered sendKept(Request& request, const OpenFile& file) {
    if (!file.coding.empty()) {
        request.bodyHasCoding(file.coding);
    }
    const std::string_view bytes = file.kept->view();
    if (bytes.size() <= kAtOnce) {
        request.finish(bytes);
    } else {
        request.setHeader("Content-Length", std::to_string(bytes.size()));
        makeRef<FileProducer>(Ref<Request>(&request), file.kept)->start();
    }
    return NotDoneYet{};
}

/// Reads a file that may be kept, and encodes it if it is to be, for this request and the next.
void keep(const Request& request, OpenFile& file, const FileHead& head,
          const FileKeeping& keeping) {
    const std::optional<BodyCoding> coding = codingOf(request, head, file.version.size);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    if (file.version.size > keeping.maxFile || (!coding && file.version.size > kAtOnce) ||
        !keeping.cache.mayKeep(file.version, now) || !keeping.cache.mayKeep(keeping.version, now)) {
        return;
    }
    std::string content;
    readWhole(file.fd.get(), {0, file.version.size}, content);
    FileForm form{.coding = std::string(head.encoding), .version = file.version, .bytes = {}};
    if (coding) {
        std::string encoded;
        ContentEncoder::make(coding->name, coding->effort)
            ->encode(content, EncodeFlush::Finish, encoded);
        encoded.shrink_to_fit();
        content = std::move(encoded);
        form.coding = file.coding = coding->name;
        form.effort = coding->effort;
    }
    form.bytes = file.kept = makeRef<KeptBytes>(std::move(content));
    keeping.cache.keep(keeping.path, keeping.version, head.type, std::move(form));
}

Rendered sendWhole(Request& request, OpenFile file, const FileHead& head,
                   const FileKeeping* keeping) {
    if (!file.kept && keeping != nullptr) {
        keep(request, file, head, *keeping);
    }
    if (file.kept) {
        return sendKept(request, file);
    }
    const ByteRange all{0, file.version.size};
    return sendOne(request, std::move(file), all);
}

Rendered sendSeveral(Request& request, OpenFile file, std::string_view type,
                     const std::vector<ByteRange>& ranges) {
    const std::string boundary = newBoundary();
    std::vector<FilePiece> pieces;
    for (const ByteRange& range : ranges) {
        pieces.push_back({"\r\n--" + boundary + "\r\nContent-Type: " + std::string(type) +
                              "\r\nContent-Range: " + contentRange(range, file.version.size) +
                              "\r\n\r\n",
                          range.first, range.length});
    }
    pieces.push_back({"\r\n--" + boundary + "--\r\n", 0, 0});
    request.setHeader("Content-Type", "multipart/byteranges; boundary=" + boundary);
    return send(request, std::move(file), std::move(pieces));
}

/// The ranges that the request means, of a GET whose If-Range holds (Twisted: Z-23).
RangeRequest rangesOf(const Request& request, const OpenFile& file, std::string_view tag,
                      std::size_t most) {
    const auto field = request.getHeader("Range");
    if (!field || request.method() != "GET") {
        return {};
    }
    const auto ifRange = request.getHeader("If-Range");
    if (ifRange && !rangeStillMeant(*ifRange, tag, file.version.lastModified())) {
        return {};
    }
    return parseRange(*field, file.version.size, most);
}

}  // namespace

OpenFile openFile(UniqueFd fd) {
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0) {
        throw std::system_error(errno, std::system_category(), "look at a file");
    }
    OpenFile file;
    file.fd = std::move(fd);
    file.version = FileVersion::of(info);
    file.folder = S_ISDIR(info.st_mode);
    file.regular = S_ISREG(info.st_mode);
    return file;
}

std::optional<BodyCoding> codingOf(const Request& request, const FileHead& head,
                                   std::uint64_t size) {
    if (!head.encoding.empty() ||
        head.cacheControl.find("no-transform") != std::string_view::npos) {
        return std::nullopt;
    }
    return request.codingOf(head.type, size);
}

Rendered serveFile(Request& request, OpenFile file, const FileHead& head,
                   const FileKeeping* keeping) {
    const EntityTag tag(file.version, head.encoding);
    request.setHeader("Accept-Ranges", "bytes");
    if (!head.cacheControl.empty()) {
        request.setHeader("Cache-Control", head.cacheControl);
    }
    if (head.varies) {
        request.setHeader("Vary", "Accept-Encoding");
    }
    if (request.setETag(tag) == Cached::Yes ||
        request.setLastModified(file.version.lastModified()) == Cached::Yes) {
        return std::string();
    }
    const RangeRequest asked = rangesOf(request, file, tag, head.maxRanges);
    if (asked.kind == RangeRequest::Kind::Unsatisfiable) {
        request.setResponseCode(kRangeNotSatisfiable);
        request.setHeader("Content-Range", "bytes */" + std::to_string(file.version.size));
        return std::string();
    }
    request.setHeader("Content-Type", head.type);
    if (!head.encoding.empty()) {
        request.setHeader("Content-Encoding", head.encoding);
    }
    if (request.method() == "HEAD") {
        request.setHeader("Content-Length", std::to_string(file.version.size));
        request.write({});
        request.finish();
        return NotDoneYet{};
    }
    if (asked.kind == RangeRequest::Kind::Whole) {
        return sendWhole(request, std::move(file), head, keeping);
    }
    request.setResponseCode(kPartialContent);
    if (asked.ranges.size() > 1) {
        return sendSeveral(request, std::move(file), head.type, asked.ranges);
    }
    request.setHeader("Content-Range", contentRange(asked.ranges[0], file.version.size));
    return sendOne(request, std::move(file), asked.ranges[0]);
}

}  // namespace marline::http::detail
