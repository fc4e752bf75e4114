// Internal: not installed. One file as the answer to one request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/content_encoder.hpp>
#include <marline/protocols/http/detail/file_cache.hpp>
#include <marline/protocols/http/detail/file_version.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline::http::detail {

/// A file, and what is known of it.
struct OpenFile {
    UniqueFd fd;
    FileVersion version;
    bool folder = false;
    bool regular = false;
    Ref<KeptBytes> kept = {};      // all that is to be sent, in the place of fd
    std::string_view coding = {};  // that an encoder has put on it
};

/// Looks at `fd`. Throws std::system_error.
OpenFile openFile(UniqueFd fd);

/// Where a file is kept once it was read.
struct FileKeeping {
    FileCache& cache;
    std::string_view path;
    FileVersion version;  // of the file that is called so, though a sibling of it may be sent
    std::size_t maxFile;  // bytes
};

/// What is said about a file besides its content.
struct FileHead {
    std::string_view type;
    std::string_view encoding = {};  // of the file as it is
    std::string_view cacheControl = {};
    bool varies = false;
    std::size_t maxRanges = 16;
};

/// What its encodings may do with a file of that head and size; none: it goes as it is.
std::optional<BodyCoding> codingOf(const Request& request, const FileHead& head,
                                   std::uint64_t size);

/// Answers a GET or HEAD with the file, or with what its conditions and ranges make of it. What is
/// read for that is kept as `keeping` says, if it is small and not too new.
Rendered serveFile(Request& request, OpenFile file, const FileHead& head,
                   const FileKeeping* keeping = nullptr);

}  // namespace marline::http::detail
