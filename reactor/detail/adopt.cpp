#include <marline/reactor/detail/adopt.hpp>

#include <cerrno>
#include <string>

#include <fcntl.h>

namespace marline::detail {
namespace {

[[noreturn]] void refuse(int fd, const char* why, int error) {
    throw std::system_error(lastError(error),
                            "cannot adopt descriptor " + std::to_string(fd) + why);
}

int socketOption(int fd, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, name, &value, &length) != 0) {
        refuse(fd, "", errno);
    }
    return value;
}

}  // namespace

UniqueFd adopt(int fd, const Adopt& as) {
    if (socketOption(fd, SO_TYPE) != as.type) {
        refuse(fd,
               as.type == SOCK_STREAM ? ": it is no stream socket" : ": it is no datagram socket",
               EPROTOTYPE);
    }
    if (as.role == Adopt::Role::Listening && socketOption(fd, SO_ACCEPTCONN) == 0) {
        refuse(fd, ": it does not listen", EINVAL);
    }
    if (as.role == Adopt::Role::Connected && remoteAddress(fd).kind == Address::Kind::None) {
        refuse(fd, ": it is not connected", ENOTCONN);
    }
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    const int flags = ::fcntl(fd, F_GETFL);
    if (!copy || flags < 0 || ::fcntl(copy.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
        refuse(fd, "", errno);
    }
    return copy;
}

}  // namespace marline::detail
