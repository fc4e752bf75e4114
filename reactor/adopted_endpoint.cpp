#include <marline/reactor/adopted_endpoint.hpp>

#include <string>
#include <system_error>
#include <utility>

#include <unistd.h>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {

Deferred<Ref<IListeningPort>> AdoptedStreamServerEndpoint::listen(Ref<IProtocolFactory> factory) {
    if (std::exchange(used_, true)) {
        return fail<Ref<IListeningPort>>(AlreadyListened(
            "the file descriptor " + std::to_string(fd_) + " has been listened on already"));
    }
    return maybeDeferred([&] {
        try {
            Ref<IListeningPort> port =
                reactor_.adoptStreamPort(fd_, std::move(factory), maxConnections_);
            ::close(fd_);
            return port;
        } catch (const std::system_error& error) {
            throw CannotListenError("cannot listen on the file descriptor " + std::to_string(fd_),
                                    error.code());
        }
    });
}

}  // namespace marline
