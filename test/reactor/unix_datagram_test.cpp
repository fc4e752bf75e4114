// UnixDatagramSender: what arrives, and what does not.
#include <marline/reactor/unix_datagram.hpp>

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/unique_fd.hpp>

#include <test/support/temp_folder.hpp>

namespace marline {
namespace {

/// A datagram socket at `path`, of which a leading `@` makes an abstract name.
UniqueFd listenAt(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const bool abstract = path.starts_with('@');
    if (abstract) {
        address.sun_path[0] = '\0';
    }
    const auto length =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
    UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length), 0) << path;
    return fd;
}

/// The next datagram; `nothing` when there is none.
std::string next(const UniqueFd& fd) {
    std::array<char, 100> bytes{};
    const ssize_t size = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
    return size < 0 ? "nothing" : std::string(bytes.data(), static_cast<std::size_t>(size));
}

// To a file's name and to an abstract one: each send() is one datagram, an empty one too.
TEST(UnixDatagramSender, sends) {
    const test::TempFolder folder;
    for (const std::string& path :
         {folder / "log", "@marline-datagram-test-" + std::to_string(::getpid())}) {
        UnixDatagramSender sender(path);
        EXPECT_EQ(sender.path(), path);
        const UniqueFd receiver = listenAt(path);
        EXPECT_FALSE(sender.send(asBytes("one")));
        EXPECT_FALSE(sender.send(asBytes("")));
        EXPECT_FALSE(sender.send(asBytes("three")));
        EXPECT_EQ(next(receiver), "one");
        EXPECT_EQ(next(receiver), "");
        EXPECT_EQ(next(receiver), "three");
        EXPECT_EQ(next(receiver), "nothing");
    }
}

// A receiver that comes, goes and comes again is found each time.
TEST(UnixDatagramSender, findsAReceiverThatWasRestarted) {
    const test::TempFolder folder;
    const std::string path = folder / "log";
    UnixDatagramSender sender(path);
    EXPECT_EQ(sender.send(asBytes("early")), std::errc::no_such_file_or_directory);
    for (int i = 0; i < 2; ++i) {
        UniqueFd receiver = listenAt(path);
        EXPECT_FALSE(sender.send(asBytes("x")));
        EXPECT_EQ(next(receiver), "x");
        receiver.reset();
        EXPECT_EQ(sender.send(asBytes("late")), std::errc::connection_refused);
        ::unlink(path.c_str());
    }
}

// It does not wait for a receiver that does not read.
TEST(UnixDatagramSender, neverWaits) {
    const test::TempFolder folder;
    UnixDatagramSender sender(folder / "log");
    const UniqueFd receiver = listenAt(folder / "log");
    std::error_code error;
    for (int i = 0; i < 1'000'000 && !error; ++i) {
        error = sender.send(asBytes("x"));
    }
    EXPECT_EQ(error, std::errc::resource_unavailable_try_again);
    EXPECT_EQ(next(receiver), "x");
    EXPECT_FALSE(sender.send(asBytes("y")));
    EXPECT_EQ(sender.send(asBytes(std::string(10'000'000, 'x'))), std::errc::message_size);
}

// What no socket can be called is misuse.
TEST(UnixDatagramSender, refusesPathsThatCannotBe) {
    for (const std::string& path : {std::string(), std::string(108, 'x'), std::string("a\0b", 3)}) {
        EXPECT_THROW(UnixDatagramSender{path}, InvalidAddressError);
    }
}

}  // namespace
}  // namespace marline
