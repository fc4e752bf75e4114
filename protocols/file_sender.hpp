// FileSender: a file as a producer.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline {

/// The most that is read from the file and written at once (Twisted: `FileSender.CHUNK_SIZE`).
inline constexpr std::size_t kFileChunk = 16 * 1024;

/// Changes a piece of the file in place before it is sent, its length too.
using FileTransform = UniqueFunction<void(std::string& piece)>;

/// Sends what is left of `file` to `consumer`, a piece at a time as the consumer takes it, and
/// closes the file (Twisted: `FileSender.beginFileTransfer`). The consumer stays open.
///
/// The Deferred fires when everything is written, with the last byte that was, if there was one.
/// It fails with std::system_error when the file cannot be read, and with ConnectionLost when the
/// consumer wants no more because its connection is gone; cancelling it ends the transfer. `file`
/// is read from the loop's thread, as files of a disk can be; reading a pipe here would block it.
/// Throws std::logic_error while another producer is registered.
MARLINE_API Deferred<std::optional<std::byte>> beginFileTransfer(UniqueFd file,
                                                                 ITransport& consumer,
                                                                 FileTransform transform = {});

}  // namespace marline
