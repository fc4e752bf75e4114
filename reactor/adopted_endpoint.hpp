// AdoptedStreamServerEndpoint: listens on a socket that somebody else has opened.
#pragma once

#include <cstddef>

#include <marline/reactor/endpoints.hpp>

namespace marline {

/// Listens on a file descriptor that the process was given (Twisted:
/// `AdoptedStreamServerEndpoint`).
///
/// listen() makes the descriptor non-blocking, accepts on a copy and closes the original, which it
/// takes over with that. It works once; then it fails with AlreadyListened. What is no stream
/// socket that listens fails with CannotListenError, and stays open.
class MARLINE_API AdoptedStreamServerEndpoint final : public IStreamServerEndpoint {
public:
    AdoptedStreamServerEndpoint(Reactor& reactor, int fd, std::size_t maxConnections = 10000)
        : reactor_(reactor), fd_(fd), maxConnections_(maxConnections) {}

    Deferred<Ref<IListeningPort>> listen(Ref<IProtocolFactory> factory) override;

private:
    Reactor& reactor_;
    int fd_;
    bool used_ = false;
    std::size_t maxConnections_;
};

}  // namespace marline
