// Server-sent events to many clients: `event_streams --clients 1000 --events 200`.
//
// Each event goes out when all clients have the one before. Prints one JSON line: the server's CPU
// per client and event, the bytes on the wire of one, and the bytes of heap that a client costs the
// server (the kernel's socket buffers are not among them).
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <malloc.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <marline/marline.hpp>

#include "arguments.hpp"
#include "process.hpp"
#include "server_thread.hpp"

using namespace marline;

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

/// The clients: bare sockets, whose memory is all taken at the start.
class Readers {
public:
    Readers(std::uint16_t port, std::size_t count) : poll_(::epoll_create1(EPOLL_CLOEXEC)) {
        sockets_.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            connect(port);
        }
    }

    /// Reads until `bytes` more have come in all.
    void read(std::size_t bytes) {
        while (bytes > 0) {
            const int ready =
                ::epoll_wait(poll_.get(), events_.data(), static_cast<int>(events_.size()), 10'000);
            if (ready <= 0) {
                throw std::runtime_error("an event did not come within 10 s");
            }
            for (int i = 0; i < ready; ++i) {
                const int fd = events_.at(static_cast<std::size_t>(i)).data.fd;
                const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
                if (got <= 0 || static_cast<std::size_t>(got) > bytes) {
                    throw std::runtime_error("not what was published");
                }
                bytes -= static_cast<std::size_t>(got);
            }
        }
    }
    /// The length of the response's head, which every client has just been sent; reads them.
    std::size_t readHeads() {
        std::size_t length = 0;
        for (const UniqueFd& socket : sockets_) {
            const ssize_t got = ::recv(socket.get(), buffer_.data(), buffer_.size(), 0);
            const std::string_view head(buffer_.data(),
                                        got > 0 ? static_cast<std::size_t>(got) : 0);
            if (!head.starts_with("HTTP/1.1 200") || !head.ends_with("\r\n\r\n")) {
                throw std::runtime_error("no stream of events");
            }
            length = head.size();
        }
        return length;
    }

private:
    void connect(std::uint16_t port) {
        UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
        if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 ||
            ::send(socket.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0) {
            fail("connect");
        }
        epoll_event wanted{};
        wanted.events = EPOLLIN;
        wanted.data.fd = socket.get();
        if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, socket.get(), &wanted) != 0) {
            fail("epoll_ctl");
        }
        sockets_.push_back(std::move(socket));
    }

    UniqueFd poll_;
    std::vector<UniqueFd> sockets_;
    std::array<epoll_event, 256> events_{};
    std::array<char, 64 * 1024> buffer_{};
};

std::size_t heapBytes() {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
}

}  // namespace

int main(int argc, char** argv) {
    bench::raiseDescriptors();
    const auto clients = static_cast<std::size_t>(bench::number(argc, argv, "--clients", 1000));
    const long events = bench::number(argc, argv, "--events", 200);
    const http::ServerSentEvent event{
        .data = R"({"symbol":"MRLN","price":"101.25","at":1732190400})",
        .event = "price",
        .id = "4711"};
    Ref<http::EventTopic> topic;
    std::uint16_t port = 0;
    bench::ServerThread server([&](Reactor& reactor) {
        topic = makeRef<http::EventTopic>();
        auto site = makeRef<http::Site>(
            reactor,
            makeRef<http::FunctionResource>([&topic](http::Request& request) -> http::Rendered {
                topic->subscribe(request);
                return http::NotDoneYet{};
            }));
        port = reactor.listenTcp(0, site, {.interface = "127.0.0.1"})->getHost().port;
    });

    {
        Readers first(port, 1);  // what is set up once is so now
        first.readHeads();
    }
    std::optional<Readers> readers;
    std::size_t before = 0;
    std::size_t after = 0;
    // Waits until that many are subscribed.
    const auto subscribed = [&](std::size_t wanted) {
        std::size_t now = wanted + 1;
        while (now != wanted) {
            server.call([&] { now = topic->subscribers(); });
        }
    };
    subscribed(0);
    server.call([&] { before = heapBytes(); });
    readers.emplace(port, clients);
    const std::size_t ofReaders = clients * sizeof(UniqueFd);
    readers->readHeads();
    subscribed(clients);
    server.call([&] { after = heapBytes(); });

    const std::size_t onWire = http::encodeEvent(event).size();
    std::string chunk;
    http::appendChunk(chunk, asBytes(http::encodeEvent(event)));
    const auto publish = [&] {
        server.call([&] { topic->publish(event); });
        readers->read(chunk.size() * clients);
    };
    for (int i = 0; i < 5; ++i) {
        publish();
    }
    const double cpu = server.cpuSeconds();
    for (long i = 0; i < events; ++i) {
        publish();
    }
    const double used = server.cpuSeconds() - cpu;
    const auto each = static_cast<double>(clients) * static_cast<double>(events);
    std::printf(
        "{\"clients\":%zu,\"events\":%ld,\"cpu_us\":%.3f,\"event_bytes\":%zu,"
        "\"wire_bytes\":%zu,\"heap_bytes_per_client\":%.0f}\n",
        clients, events, used * 1e6 / each, onWire, chunk.size(),
        static_cast<double>(after - before - ofReaders) / static_cast<double>(clients));
    readers.reset();
    subscribed(0);
    server.call([&] { topic.reset(); });
    return 0;
}
