#include <marline/protocols/http/detail/served_file.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <random>
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
std::string tagOf(const OpenFile& file, std::string_view encoding) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "\"%llx-%llx",
                  static_cast<unsigned long long>(file.changed.count()),
                  static_cast<unsigned long long>(file.size));
    std::string tag = text.data();
    tag.append(encoding.empty() ? "" : "-").append(encoding);
    return tag + "\"";
}

/// A line that no file has by chance.
std::string newBoundary() {
    std::random_device random;
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%08x%08x%08x%08x", random(), random(), random(),
                  random());
    return text.data();
}

Rendered wholeInMemory(Request& request, const OpenFile& file, ByteRange range) {
    Site& site = request.site();
    std::string content = site.takeBuffer();
    content.resize(static_cast<std::size_t>(range.length));
    for (std::size_t done = 0; done < content.size();) {
        done +=
            readAt(file.fd.get(), content.data() + done, content.size() - done, range.first + done);
    }
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

Rendered sendSeveral(Request& request, OpenFile file, const std::string& type,
                     const std::vector<ByteRange>& ranges) {
    const std::string boundary = newBoundary();
    std::vector<FilePiece> pieces;
    for (const ByteRange& range : ranges) {
        pieces.push_back({"\r\n--" + boundary + "\r\nContent-Type: " + type +
                              "\r\nContent-Range: " + contentRange(range, file.size) + "\r\n\r\n",
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
    if (ifRange && !rangeStillMeant(*ifRange, tag, file.lastModified())) {
        return {};
    }
    return parseRange(*field, file.size, most);
}

}  // namespace

OpenFile openFile(UniqueFd fd) {
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0) {
        throw std::system_error(errno, std::system_category(), "look at a file");
    }
    OpenFile file;
    file.fd = std::move(fd);
    file.size = static_cast<std::uint64_t>(info.st_size);
    file.changed =
        std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
    file.folder = S_ISDIR(info.st_mode);
    file.regular = S_ISREG(info.st_mode);
    return file;
}

Rendered serveFile(Request& request, OpenFile file, const FileHead& head) {
    const std::string tag = tagOf(file, head.encoding);
    request.setHeader("Accept-Ranges", "bytes");
    if (!head.cacheControl.empty()) {
        request.setHeader("Cache-Control", head.cacheControl);
    }
    if (head.varies) {
        request.setHeader("Vary", "Accept-Encoding");
    }
    if (request.setETag(tag) == Cached::Yes ||
        request.setLastModified(file.lastModified()) == Cached::Yes) {
        return std::string();
    }
    const RangeRequest asked = rangesOf(request, file, tag, head.maxRanges);
    if (asked.kind == RangeRequest::Kind::Unsatisfiable) {
        request.setResponseCode(kRangeNotSatisfiable);
        request.setHeader("Content-Range", "bytes */" + std::to_string(file.size));
        return std::string();
    }
    request.setHeader("Content-Type", head.type);
    if (!head.encoding.empty()) {
        request.setHeader("Content-Encoding", head.encoding);
    }
    if (request.method() == "HEAD") {
        request.setHeader("Content-Length", std::to_string(file.size));
        request.write({});
        request.finish();
        return NotDoneYet{};
    }
    if (asked.kind == RangeRequest::Kind::Whole) {
        return sendOne(request, std::move(file), {0, file.size});
    }
    request.setResponseCode(kPartialContent);
    if (asked.ranges.size() > 1) {
        return sendSeveral(request, std::move(file), head.type, asked.ranges);
    }
    request.setHeader("Content-Range", contentRange(asked.ranges[0], file.size));
    return sendOne(request, std::move(file), asked.ranges[0]);
}

}  // namespace marline::http::detail
