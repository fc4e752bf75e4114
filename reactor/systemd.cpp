#include <marline/reactor/systemd.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

constexpr std::size_t kMaxFdName = 255;  // sd_pid_notify_with_fds(3), FDNAME=

/// The number that an environment variable holds, `otherwise` when it is not set.
std::int64_t numberIn(const char* variable, std::int64_t otherwise) {
    const char* text = std::getenv(variable);
    if (text == nullptr) {
        return otherwise;
    }
    const std::string_view digits(text);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
    if (error != std::errc() || end != digits.end() || number <= 0) {
        throw SystemdError(std::string(variable) + "='" + text + "'",
                           std::make_error_code(std::errc::invalid_argument));
    }
    return number;
}

bool isControl(char c) noexcept { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

/// The address of NOTIFY_SOCKET's form; throws SystemdError for another one.
socklen_t fill(sockaddr_un& to, const std::string& address) {
    const bool abstract = address.starts_with('@');
    if ((!abstract && !address.starts_with('/')) || address.size() < 2) {
        throw SystemdError("cannot notify " + address + " (NOTIFY_SOCKET)",
                           std::make_error_code(std::errc::address_family_not_supported));
    }
    if (address.size() >= sizeof to.sun_path) {
        throw SystemdError("cannot notify " + address + " (NOTIFY_SOCKET)",
                           std::make_error_code(std::errc::filename_too_long));
    }
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address.data(), address.size());
    if (abstract) {
        to.sun_path[0] = '\0';
    }
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() +
                                  (abstract ? 0 : 1));
}

}  // namespace

SystemdNotifier SystemdNotifier::fromEnvironment() {
    const char* address = std::getenv("NOTIFY_SOCKET");
    Duration watchdog = Duration::zero();
    if (numberIn("WATCHDOG_PID", ::getpid()) == ::getpid()) {
        constexpr std::int64_t kMost = Duration::max().count() / 1000;
        watchdog = std::chrono::microseconds(std::getenv("WATCHDOG_USEC") != nullptr
                                                 ? std::min(numberIn("WATCHDOG_USEC", 0), kMost)
                                                 : 0);
    }
    return SystemdNotifier(address != nullptr ? address : "", watchdog);
}

SystemdNotifier::SystemdNotifier(std::string address, Duration watchdog)
    : address_(std::move(address)), watchdog_(watchdog) {
    if (active()) {
        sockaddr_un to{};
        fill(to, address_);
    }
}

SystemdNotifier::~SystemdNotifier() {
    if (next_.active()) {
        next_.cancel();
    }
}

void SystemdNotifier::ready() { notify("READY=1"); }

void SystemdNotifier::reloading() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t micros = std::int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000;
    notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(micros));
}

void SystemdNotifier::stopping() { notify("STOPPING=1"); }

void SystemdNotifier::status(std::string_view text) {
    if (text.find('\n') != std::string_view::npos) {
        throw std::invalid_argument("SystemdNotifier::status() takes one line");
    }
    notify("STATUS=" + std::string(text));
}

void SystemdNotifier::watchdog() { notify("WATCHDOG=1"); }

void SystemdNotifier::storeFd(std::string_view name, int fd) {
    if (name.empty() || name.size() > kMaxFdName || name.find(':') != std::string_view::npos ||
        std::any_of(name.begin(), name.end(), isControl)) {
        throw std::invalid_argument("SystemdNotifier::storeFd() with the name '" +
                                    std::string(name) + "'");
    }
    send("FDSTORE=1\nFDNAME=" + std::string(name), fd);
}

void SystemdNotifier::notify(std::string_view state) { send(state, -1); }

/// One datagram, with `fd` unless that is negative.
void SystemdNotifier::send(std::string_view state, int fd) {
    if (!active()) {
        return;
    }
    sockaddr_un to{};
    iovec data{const_cast<char*>(state.data()), state.size()};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = fill(to, address_);
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    const detail::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || ::sendmsg(socket.get(), &message, MSG_NOSIGNAL) < 0) {
        const int error = errno;
        throw SystemdError("cannot notify " + address_ + " (NOTIFY_SOCKET)",
                           detail::lastError(error));
    }
}

// Signs of life.

void SystemdNotifier::startWatchdog(IReactorTime& clock) {
    if (active() && watchdog_ > Duration::zero() && !next_.active()) {
        clock_ = &clock;
        sign();
    }
}

void SystemdNotifier::sign() {
    try {
        watchdog();
    } catch (const SystemdError& error) {
        log(LogLevel::Error, error.what());
    }
    next_ = clock_->callLater(watchdog_ / 2, [this] { sign(); });
}

}  // namespace marline
