// The snippets of docs/howto/unix-sockets.md, and what the page says of them.
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;

namespace {

using test::outcomeOf;
using test::runUntil;

class Echo : public Protocol {
    void dataReceived(std::span<const std::byte> data) override { transport()->write(data); }
};

/// Notes the last echo, and whom it is connected to.
std::string echoed;
pid_t peerPid = 0;

class Client : public Protocol {
    void connectionMade() override {
        PeerCredentials peer = asUnixTransport(*transport())->peerCredentials();  // pid, uid, gid
        peerPid = peer.pid;
        transport()->write("ping");
    }
    void dataReceived(std::span<const std::byte> data) override { echoed = asText(data); }
};

// A path is listened at, with its mode, and connected to; the file goes with the port.
TEST(GuideUnixSockets, aPath) {
    const test::TempFolder folder;
    const std::string path = folder / "app.sock";
    Reactor reactor;
    auto port = reactor.listenUnix(path, makeFactory<Echo>(), {.mode = 0660});  // "/run/app.sock"
    reactor.connectUnix(path, makeFactory<Client>());
    runUntil(reactor, [&] { return echoed == "ping"; });
    EXPECT_EQ(peerPid, ::getpid());
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0660));
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    EXPECT_FALSE(std::filesystem::exists(path));
}

/// Sends a descriptor as soon as it is connected.
class Giver : public Protocol {
public:
    explicit Giver(int fd) : fd_(fd) {}

private:
    void connectionMade() override {
        // clang-format off
        IUnixTransport* sockets = asUnixTransport(*transport());  // null when it is no UNIX socket
        sockets->sendFileDescriptor(fd_);                         // a copy: fd_ stays yours
        transport()->write("x");                                  // the byte that it rides on
        // clang-format on
    }

    int fd_;
};

class Taker : public Protocol, public IFileDescriptorReceiver {
public:
    // before the bytes that were written after it
    void fileDescriptorReceived(UniqueFd fd) override { taken = std::move(fd); }

    UniqueFd taken;
};

// The copy that came leads to the same file.
TEST(GuideUnixSockets, passingDescriptors) {
    const test::TempFolder folder;
    const UniqueFd file(::open(folder.write("file", "text").c_str(), O_RDONLY | O_CLOEXEC));
    Reactor reactor;
    const auto taker = makeRef<Taker>();
    const auto port =
        reactor.listenUnix(folder / "s", factoryOf([&](const Address&) { return taker; }));
    const auto made =
        outcomeOf(reactor, reactor.connectUnix(folder / "s", makeFactory<Giver>(file.get())));
    ASSERT_TRUE(made.ok());
    runUntil(reactor, [&] { return static_cast<bool>(taker->taken); });
    char text[8];
    EXPECT_EQ(::read(taker->taken.get(), text, sizeof text), 4);
}

}  // namespace
