// Internal: not installed. One file as the answer to one request.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <marline/protocols/http/http_date.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline::http::detail {

/// An open file, and what is known of it.
struct OpenFile {
    UniqueFd fd;
    std::uint64_t size = 0;
    std::chrono::nanoseconds changed{};  // since the epoch
    bool folder = false;
    bool regular = false;

    HttpTime lastModified() const {
        return HttpTime(std::chrono::floor<std::chrono::seconds>(changed));
    }
};

/// Looks at `fd`. Throws std::system_error.
OpenFile openFile(UniqueFd fd);

/// What is said about a file besides its content.
struct FileHead {
    std::string type;
    std::string_view encoding = {};
    std::string_view cacheControl = {};
    bool varies = false;
    std::size_t maxRanges = 16;
};

/// Answers a GET or HEAD with the file, or with what its conditions and ranges make of it.
Rendered serveFile(Request& request, OpenFile file, const FileHead& head);

}  // namespace marline::http::detail
