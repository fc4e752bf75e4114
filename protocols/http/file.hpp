// File: a folder, or one file, served.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <marline/protocols/http/mime_types.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/reactor/time.hpp>

namespace marline::http {

/// How files are served.
struct FileOptions {
    /// What is served for a folder, the first that is there.
    std::vector<std::string> indexNames = {"index.html", "index.htm"};
    /// Whether a folder without one is listed; else it is a 403.
    bool listing = true;
    /// Names that a list has at most; it says so when there are more.
    std::size_t maxListing = 10'000;
    /// Whether files whose names begin with a dot are there at all; `.well-known` always is.
    bool hidden = false;
    /// Whether `x.br`, `x.zst` and `x.gz` beside `x`, if not older, go to who accepts them.
    bool precompressed = false;
    /// Ranges that one request may ask for; who asks for more gets the whole file.
    std::size_t maxRanges = 16;
    /// A Cache-Control field for files; empty: none.
    std::string cacheControl = {};
    /// For types of text; empty: none.
    std::string charset = "utf-8";
    /// The type of what nobody knows.
    std::string defaultType = "application/octet-stream";
    /// The types by extension; those of MimeTypes when empty.
    std::shared_ptr<const MimeTypes> types = {};
    /// Bytes of small files, and of what they are encoded to, that are kept in memory; those that
    /// nobody asked for the longest go first. 0: nothing is kept.
    std::size_t cacheBytes = std::size_t{16} << 20;
    /// Bytes of a file that is encoded whole, and kept so; larger ones are encoded anew as they are
    /// sent. What is sent as it is, or was compressed before, is kept up to 32 KiB. 0: no file.
    std::size_t maxCachedFile = std::size_t{256} << 10;
    /// A file that changed less than this ago is not kept: it may change again within one tick of
    /// the file system's clock, and would look the same. At least 2 s for FAT.
    Duration cacheAfter = std::chrono::seconds(3);
};

/// What a File keeps in memory, and how it got on with that.
struct FileCacheCounts {
    std::size_t files = 0;
    std::size_t bytes = 0;     ///< With what it takes to find them.
    std::uint64_t hits = 0;    ///< Answers that opened no file.
    std::uint64_t misses = 0;  ///< Answers that opened one.
};

/// Serves a folder and all below it, or one file (Twisted: `static.File`).
///
///     auto site = makeRef<http::Site>(reactor, makeRef<http::File>("/srv/www"));
///
/// What is there is looked at with each request. Small files, and what they are encoded to, are
/// kept in memory for as long as the file system says that they are the same; who opened them once
/// may go on serving them, so a process that gives up rights does so before it serves. Answers
/// ranges and conditions, with an ETag of the time of change and the size. Nothing outside of the
/// folder is served: a symbolic link may point within it only. Children that were put win over
/// files. Large files leave by sendfile(2) where the transport can, else they are read in pieces of
/// 64 KiB; both happen on the reactor's thread. A file must not become shorter while it is sent:
/// the connection ends then.
class MARLINE_API File final : public Resource {
public:
    /// The folder is opened here, and stays the same one when it is renamed. Throws
    /// std::system_error when it is not there.
    explicit File(const std::string& path, FileOptions options = {});

    Ref<Resource> getChild(std::string_view name, Request& request) override;
    Rendered renderGet(Request& request) override;

    FileCacheCounts cacheCounts() const noexcept;

private:
    class Below;

    ~File() override;

    Ref<Below> below_;
};

}  // namespace marline::http
