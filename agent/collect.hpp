// Reading bodies bit by bit: into a function, into a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include <marline/agent/response.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/protocols/http/headers.hpp>

namespace marline {

/// Gives the body to `collector` as it comes (treq: `collect`); fires at its end.
///
/// An end that only the connection's end marked counts as one; a cut body fails with
/// ResponseFailed. What `collector` throws fails the Deferred and closes the connection, and so
/// does cancelling it. A body of no bytes is no call.
MARLINE_API Deferred<> collect(const Response& response,
                               UniqueFunction<void(std::span<const std::byte>)> collector);

/// How saveTo() writes.
struct SaveOptions {
    /// Bytes of body at most; one more fails with BodyTooLarge, and what was written stays.
    std::uint64_t maxBytes = std::numeric_limits<std::uint64_t>::max();
};

/// What a request asks for to go on with a download: a Range from the size that `path` has now,
/// with If-Range when `validator`, the ETag or the Last-Modified of the first response, is not
/// empty. No fields when there is nothing of the file yet.
MARLINE_API http::Headers resumeHeaders(const std::string& path, std::string_view validator = {});

/// Writes the body to the file `path` as it comes; fires with the bytes that this response brought.
///
/// A response with 206 goes on behind what is there already, and must begin exactly there; with 416
/// because all of it is there, nothing is written; every other one begins the file anew. A body
/// that is cut leaves what came, for resumeHeaders(). Fails with std::system_error when the file
/// cannot be written, BadRange, BodyTooLarge, PotentialDataLoss or ResponseFailed; cancelling it
/// closes the connection.
///
///     agent.request("GET", url, resumeHeaders(path))
///         .addCallback([path](const Response& response) { return saveTo(response, path); });
MARLINE_API Deferred<std::uint64_t> saveTo(const Response& response, const std::string& path,
                                           const SaveOptions& options = {});

}  // namespace marline
