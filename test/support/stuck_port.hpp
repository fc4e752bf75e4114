// StuckPort: a port that neither takes connections nor refuses them.
#pragma once

#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <marline/reactor/address.hpp>

namespace marline::testing {

/// Listens on loopback with a full backlog: who connects waits for ever.
class StuckPort {
public:
    StuckPort() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in local{};
        local.sin_family = AF_INET;
        local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof local;
        auto* generic = reinterpret_cast<sockaddr*>(&local);
        EXPECT_EQ(::bind(listening_, generic, size), 0);
        EXPECT_EQ(::listen(listening_, 0), 0);
        EXPECT_EQ(::getsockname(listening_, generic, &size), 0);
        address_ = Address::fromSockaddr(generic, size);
        // A backlog of 0 has room for one; what comes then stays in the kernel's SYN queue.
        for (int i = 0; i < 2; ++i) {
            const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            static_cast<void>(::connect(fd, generic, size));
            filling_.push_back(fd);
        }
    }
    StuckPort(const StuckPort&) = delete;
    StuckPort& operator=(const StuckPort&) = delete;
    ~StuckPort() {
        for (const int fd : filling_) {
            ::close(fd);
        }
        ::close(listening_);
    }

    const Address& address() const noexcept { return address_; }

private:
    int listening_;
    std::vector<int> filling_;
    Address address_;
};

}  // namespace marline::testing
