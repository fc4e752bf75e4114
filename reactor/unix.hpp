// UNIX sockets: how they are listened on and connected to, and descriptors that pass through them.
#pragma once

#include <chrono>
#include <cstddef>

#include <sys/types.h>

#include <marline/deferred/api.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/time.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline {

/// How a UNIX socket listens.
struct UnixListenOptions {
    /// The permissions of the socket's file, which say who may connect. Abstract names have none.
    mode_t mode = 0666;
    /// Connections that the kernel may keep waiting to be accepted.
    int backlog = 1024;
    /// Connections at a time; further ones wait in the backlog until one ends. 0: no limit.
    std::size_t maxConnections = 10000;
    /// Locks `path.lock` for as long as the port listens, so that one process at a time does, and
    /// removes a socket that a process which is gone has left there. Without it such a socket is
    /// "in use".
    bool wantPid = false;
};

/// How a UNIX socket connects.
struct UnixConnectOptions {
    /// After this the attempt fails with ConnectTimeoutError: the listener's backlog was full.
    Duration timeout = std::chrono::seconds(30);
    /// Fails with BadFileError unless somebody listens with UnixListenOptions::wantPid.
    bool checkPid = false;
};

/// The process at the other end of a UNIX socket, as the kernel knew it when it connected.
struct PeerCredentials {
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
};

/// What the transport of a UNIX socket can do besides (Twisted: `IUNIXTransport`).
class MARLINE_API IUnixTransport {
public:
    /// Sends a copy of descriptor `fd` along with bytes: it arrives before what is written after
    /// this, and needs at least one byte of its own to ride on. Until the end of the callback (or
    /// turn) there must be as many bytes as descriptors, else the connection is closed with
    /// FileDescriptorOverrun. The caller keeps `fd` and may close it at once. Throws
    /// std::system_error when `fd` cannot be copied.
    virtual void sendFileDescriptor(int fd) = 0;
    /// Who is at the other end. Throws std::system_error once the connection is gone.
    virtual PeerCredentials peerCredentials() const = 0;

protected:
    ~IUnixTransport() = default;
};

/// The IUnixTransport that `transport` is, null when it is something else.
inline IUnixTransport* asUnixTransport(ITransport& transport) noexcept {
    return transport.unixTransport();
}

/// What a protocol implements besides to get descriptors (Twisted: `IFileDescriptorReceiver`);
/// those that come to others are closed, and that is logged.
class MARLINE_API IFileDescriptorReceiver {
public:
    /// A descriptor came, before the bytes that were written after it. What is thrown closes the
    /// connection.
    virtual void fileDescriptorReceived(UniqueFd fd) = 0;

protected:
    ~IFileDescriptorReceiver() = default;
};

}  // namespace marline
