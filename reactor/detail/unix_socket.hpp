// Internal: not installed. UNIX sockets and what they leave in the file system.
#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/unix.hpp>

namespace marline::detail {

/// The file of a listening socket, and its lock; removes both when it goes.
class UnixSocketFile {
public:
    explicit UnixSocketFile(std::string path) : path_(std::move(path)) {}
    UnixSocketFile(const UnixSocketFile&) = delete;
    UnixSocketFile& operator=(const UnixSocketFile&) = delete;
    ~UnixSocketFile();

    /// Locks `path.lock`; throws CannotListenError when another process has.
    void lock();
    /// Removes a socket at the path that nobody listens on.
    void removeStale() const;
    /// The file is there, and ours.
    void bound();

private:
    std::string lockPath() const { return path_ + ".lock"; }

    std::string path_;
    UniqueFd lock_;
    dev_t device_ = 0;
    ino_t inode_ = 0;  // 0: not bound
};

/// A listening socket, and its file when it has one.
struct ListeningSocket {
    UniqueFd fd;
    std::unique_ptr<UnixSocketFile> file = {};
};

/// The address of a UNIX socket; a name that begins with NUL or `@` is abstract.
Address unixAddress(const std::string& path);
/// Listens; throws CannotListenError.
ListeningSocket listenOnUnixSocket(const Address& address, const UnixListenOptions& options);
/// True while a process holds the lock of a socket at `path`.
bool unixSocketIsLocked(const std::string& path);

}  // namespace marline::detail
