// ListenFds and SystemdNotifier, with sockets of the test's own in systemd's place.
#include <marline/reactor/systemd.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/listen_fds.hpp>

#include "test/support/reactor_fixture.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::testing {
namespace {

using namespace std::chrono_literals;
using test::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// Sets environment variables and takes them back.
class OwnEnvironment {
public:
    OwnEnvironment() = default;
    OwnEnvironment(const OwnEnvironment&) = delete;
    OwnEnvironment& operator=(const OwnEnvironment&) = delete;
    ~OwnEnvironment() {
        for (const std::string& name : names_) {
            ::unsetenv(name.c_str());
        }
    }
    void set(const std::string& name, const std::string& value) {
        ::setenv(name.c_str(), value.c_str(), 1);
        names_.push_back(name);
    }

private:
    std::vector<std::string> names_;
};

// ListenFds.

class ListenFdsTest : public ::testing::Test {
protected:
    /// Two sockets beside each other: one that listens on loopback, and another one.
    void SetUp() override {
        listening_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(::listen(listening_, 1), 0);
        first_ = ::fcntl(listening_, F_DUPFD, 600);
        ASSERT_EQ(::dup2(listening_, first_ + 1), first_ + 1);
    }
    void TearDown() override {
        ::close(listening_);
        ::close(first_);
        ::close(first_ + 1);
    }
    /// The usual environment of `count` sockets.
    void give(const std::string& count) {
        environment_.set("LISTEN_PID", std::to_string(::getpid()));
        environment_.set("LISTEN_FDS", count);
    }
    std::string refused() const {
        try {
            ListenFds::fromEnvironment(first_);
        } catch (const ListenFdsError& error) {
            return error.what();
        }
        return "not refused";
    }
    OwnEnvironment& environment() { return environment_; }
    int first() const { return first_; }

private:
    OwnEnvironment environment_;
    int listening_ = -1;
    int first_ = -1;
};

// The sockets are found by number and by name, and a connection to one is accepted on it.
TEST_F(ListenFdsTest, findsWhatWasGiven) {
    give("2");
    environment().set("LISTEN_FDNAMES", "http:control");
    const ListenFds fds = ListenFds::fromEnvironment(first());
    EXPECT_THAT(fds.inheritedDescriptors(), ElementsAre(first(), first() + 1));
    EXPECT_THAT(fds.names(), ElementsAre("http", "control"));
    EXPECT_EQ(fds.at(1), first() + 1);
    EXPECT_EQ(fds.at(2), std::nullopt);
    EXPECT_EQ(fds.named("control"), first() + 1);
    EXPECT_EQ(fds.named("other"), std::nullopt);
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ASSERT_EQ(::getsockname(*fds.at(0), reinterpret_cast<sockaddr*>(&address), &length), 0);
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), length), 0);
    const int accepted = ::accept(*fds.named("http"), nullptr, nullptr);
    EXPECT_GE(accepted, 0);
    ::close(accepted);
    ::close(client);
}

// No child gets them unasked: they are close-on-exec from here on.
TEST_F(ListenFdsTest, marksThemCloseOnExec) {
    give("2");
    EXPECT_EQ(::fcntl(first(), F_GETFD) & FD_CLOEXEC, 0);
    ListenFds::fromEnvironment(first());
    EXPECT_EQ(::fcntl(first(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_EQ(::fcntl(first() + 1, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_EQ(ListenFds::fromEnvironment(first()).inheritedDescriptors().size(), 2U)
        << "asking again gives the same";
}

// Without names each is `unknown`, as systemd says it.
TEST_F(ListenFdsTest, withoutNamesTheyAreUnknown) {
    give("2");
    EXPECT_THAT(ListenFds::fromEnvironment(first()).names(), ElementsAre("unknown", "unknown"));
}

// There are none without the variables, or when they are for another process.
TEST_F(ListenFdsTest, othersAreLeftAlone) {
    EXPECT_THAT(ListenFds::fromEnvironment(first()).inheritedDescriptors(), IsEmpty());
    give("2");
    environment().set("LISTEN_PID", std::to_string(::getpid() + 1));
    EXPECT_THAT(ListenFds::fromEnvironment(first()).inheritedDescriptors(), IsEmpty());
    EXPECT_EQ(::fcntl(first(), F_GETFD) & FD_CLOEXEC, 0);
    give("0");
    EXPECT_THAT(ListenFds::fromEnvironment(first()).inheritedDescriptors(), IsEmpty());
}

// What is malformed, or not there, is named.
TEST_F(ListenFdsTest, contradictionsAreNamed) {
    for (const char* bad : {"many", "", "-1", "2x", "99999999999"}) {
        give(bad);
        EXPECT_EQ(refused(), "LISTEN_FDS='" + std::string(bad) + "' is no number");
    }
    give("2");
    environment().set("LISTEN_PID", "me");
    EXPECT_EQ(refused(), "LISTEN_PID='me' is no number");
    give("2000000000");
    EXPECT_THAT(refused(), HasSubstr("LISTEN_FDS=2000000000, but descriptor"));
    give("2");
    environment().set("LISTEN_FDNAMES", "one:two:three");
    EXPECT_EQ(refused(), "LISTEN_FDNAMES='one:two:three' names 3 sockets, LISTEN_FDS says 2");
    EXPECT_THROW(ListenFds({1, 2}, {"one"}), std::invalid_argument);
}

// SystemdNotifier.

/// A datagram socket in systemd's place.
class Manager {
public:
    explicit Manager(const std::string& address)
        : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::memcpy(name.sun_path, address.data(), address.size());
        if (address.front() == '@') {
            name.sun_path[0] = '\0';
        }
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&name),
                         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size())),
                  0);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    ~Manager() { ::close(fd_); }

    /// The next datagram, empty when there is none; a descriptor that came with it is in `fd`.
    std::string take(int* fd = nullptr) const {
        std::array<char, 4096> buffer{};
        alignas(cmsghdr) std::array<char, 64> control{};
        iovec data{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t got = ::recvmsg(fd_, &message, MSG_CMSG_CLOEXEC);
        if (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr && fd != nullptr) {
            std::memcpy(fd, CMSG_DATA(header), sizeof *fd);
        }
        return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
    }

private:
    int fd_;
};

class SystemdNotifierTest : public ReactorFixture {
protected:
    const TempFolder& directory() const { return directory_; }
    std::string address() const { return directory_ / "notify"; }

private:
    TempFolder directory_;
};

// Each state is one datagram of sd_notify's form.
TEST_F(SystemdNotifierTest, tellsEachState) {
    const Manager manager(address());
    SystemdNotifier systemd(address());
    EXPECT_TRUE(systemd.active());
    systemd.ready();
    EXPECT_EQ(manager.take(), "READY=1");
    systemd.status("serving 3 clients");
    EXPECT_EQ(manager.take(), "STATUS=serving 3 clients");
    systemd.watchdog();
    EXPECT_EQ(manager.take(), "WATCHDOG=1");
    systemd.reloading();
    const std::string reloading = manager.take();
    EXPECT_THAT(reloading, StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    const auto said = std::stoll(reloading.substr(reloading.rfind('=') + 1));
    const auto now =
        std::chrono::duration_cast<std::chrono::microseconds>(reactor().seconds()).count();
    EXPECT_LE(said, now);
    EXPECT_GT(said, now - 60'000'000);
    systemd.stopping();
    EXPECT_EQ(manager.take(), "STOPPING=1");
    systemd.notify("ERRNO=5\nEXTEND_TIMEOUT_USEC=100");
    EXPECT_EQ(manager.take(), "ERRNO=5\nEXTEND_TIMEOUT_USEC=100");
    EXPECT_EQ(manager.take(), "");
}

// An abstract address works as a path does.
TEST_F(SystemdNotifierTest, takesAbstractAddresses) {
    const std::string name = "@marline-" + std::to_string(::getpid());
    const Manager manager(name);
    SystemdNotifier(name).ready();
    EXPECT_EQ(manager.take(), "READY=1");
}

// A descriptor travels with its name, and what arrives is the same file.
TEST_F(SystemdNotifierTest, storesDescriptors) {
    const Manager manager(address());
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    SystemdNotifier systemd(address());
    systemd.storeFd("my-socket", pipe[1]);
    int stored = -1;
    EXPECT_EQ(manager.take(&stored), "FDSTORE=1\nFDNAME=my-socket");
    ASSERT_GE(stored, 0);
    EXPECT_EQ(::write(stored, "x", 1), 1);
    char got = 0;
    EXPECT_EQ(::read(pipe[0], &got, 1), 1);
    EXPECT_EQ(got, 'x');
    ::close(stored);
    ::close(pipe[0]);
    ::close(pipe[1]);
    EXPECT_THROW(systemd.storeFd("closed", pipe[1]), SystemdError);
}

// Outside of systemd nothing is told and nothing fails.
TEST_F(SystemdNotifierTest, withoutSystemdItDoesNothing) {
    SystemdNotifier systemd = SystemdNotifier::fromEnvironment();
    EXPECT_FALSE(systemd.active());
    systemd.ready();
    systemd.status("nobody reads this");
    systemd.startWatchdog(reactor());
    EXPECT_EQ(systemd.watchdogInterval(), Duration::zero());
    EXPECT_EQ(reactor().pendingCalls(), 0U);
}

// The environment says where to, and how often a sign of life is due to whom.
TEST_F(SystemdNotifierTest, readsTheEnvironment) {
    OwnEnvironment environment;
    environment.set("NOTIFY_SOCKET", address());
    environment.set("WATCHDOG_USEC", "30000000");
    EXPECT_EQ(SystemdNotifier::fromEnvironment().watchdogInterval(), 30s);
    EXPECT_TRUE(SystemdNotifier::fromEnvironment().active());
    environment.set("WATCHDOG_PID", std::to_string(::getpid()));
    EXPECT_EQ(SystemdNotifier::fromEnvironment().watchdogInterval(), 30s);
    environment.set("WATCHDOG_USEC", "9223372036854775807");
    EXPECT_GT(SystemdNotifier::fromEnvironment().watchdogInterval(), 24h * 365 * 100);
    environment.set("WATCHDOG_PID", std::to_string(::getpid() + 1));
    EXPECT_EQ(SystemdNotifier::fromEnvironment().watchdogInterval(), 0s);
    ::unsetenv("WATCHDOG_PID");
    for (const char* bad : {"soon", "0", "-5", "", "5s"}) {
        environment.set("WATCHDOG_USEC", bad);
        EXPECT_THROW(SystemdNotifier::fromEnvironment(), SystemdError) << bad;
    }
}

// Signs of life come by themselves, twice an interval, until the notifier goes.
TEST_F(SystemdNotifierTest, theWatchdogIsKeptQuiet) {
    const Manager manager(address());
    {
        SystemdNotifier systemd(address(), 4ms);
        systemd.startWatchdog(reactor());
        systemd.startWatchdog(reactor());
        EXPECT_EQ(manager.take(), "WATCHDOG=1") << "the first one is at once";
        EXPECT_EQ(manager.take(), "");
        int signs = 0;
        runUntil([&] { return (signs += manager.take() == "WATCHDOG=1" ? 1 : 0) == 3; });
        EXPECT_EQ(reactor().pendingCalls(), 1U);
    }
    EXPECT_EQ(reactor().pendingCalls(), 0U);
}

// A sign of life that cannot be given is logged, and the next one is tried.
TEST_F(SystemdNotifierTest, aFailingSignOfLifeIsLogged) {
    SystemdNotifier systemd(address(), 4ms);
    systemd.startWatchdog(reactor());
    EXPECT_EQ(logged().count("cannot notify " + address()), 1U);
    const Manager manager(address());
    runUntil([&] { return manager.take() == "WATCHDOG=1"; });
    logged().clear();
}

// An address that is none, or where nobody listens, is named.
TEST_F(SystemdNotifierTest, aBadAddressIsNamed) {
    const std::string tooLong = "/" + std::string(200, 'x');
    for (const std::string& bad : {std::string("relative"), std::string("vsock:2:1"),
                                   std::string("@"), std::string("/"), tooLong}) {
        EXPECT_THROW(SystemdNotifier systemd(bad), SystemdError) << bad;
    }
    try {
        SystemdNotifier(address()).ready();
        ADD_FAILURE() << "nothing thrown";
    } catch (const SystemdError& error) {
        EXPECT_EQ(error.code().value(), ENOENT);
        EXPECT_EQ(error.what(),
                  "cannot notify " + address() + " (NOTIFY_SOCKET): No such file or directory");
    }
}

// A manager that takes no more is an error at once: the loop does not wait for it.
TEST_F(SystemdNotifierTest, aFullManagerIsAnError) {
    const Manager manager(address());
    SystemdNotifier systemd(address());
    const auto flood = [&] {
        for (int i = 0; i < 100000; ++i) {
            systemd.ready();
        }
    };
    try {
        flood();
        ADD_FAILURE() << "nothing thrown";
    } catch (const SystemdError& error) {
        EXPECT_EQ(error.code().value(), EAGAIN);
    }
}

// What would be another assignment is misuse.
TEST_F(SystemdNotifierTest, misuseThrows) {
    SystemdNotifier systemd(address());
    EXPECT_THROW(systemd.status("one\nREADY=1"), std::invalid_argument);
    for (const std::string& bad :
         {std::string(), std::string("a:b"), std::string("a\nb"), std::string(256, 'x')}) {
        EXPECT_THROW(systemd.storeFd(bad, 0), std::invalid_argument) << bad;
    }
}

}  // namespace
}  // namespace marline::testing
