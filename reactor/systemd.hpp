// systemd: telling the service manager how this service is, without a library.
#pragma once

#include <string>
#include <string_view>
#include <system_error>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/reactor/listen_fds.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// The service manager could not be told. The message names its socket.
class MARLINE_API SystemdError : public Error {
public:
    SystemdError(const std::string& what, std::error_code why)
        : Error(what + ": " + why.message()), code_(why) {}

    std::error_code code() const noexcept { return code_; }

private:
    std::error_code code_;
};

/// Tells systemd, by the datagrams of sd_notify(3), what state a service with `Type=notify` is in.
///
///     SystemdNotifier systemd = SystemdNotifier::fromEnvironment();
///     reactor.callWhenRunning([&] { systemd.ready(); });
///     systemd.startWatchdog(reactor);
///
/// Outside of systemd all of it does nothing. A datagram is sent before the call returns and never
/// waits: when systemd takes no more, or is gone, the call throws SystemdError.
class MARLINE_API SystemdNotifier {
public:
    /// By NOTIFY_SOCKET, and WATCHDOG_USEC unless WATCHDOG_PID is another process. Throws
    /// SystemdError when one of them is malformed.
    static SystemdNotifier fromEnvironment();

    /// To the UNIX datagram socket at `address`, a path or `@` and an abstract name; empty: to
    /// nobody. `watchdog` is how long systemd waits for a sign of life, zero: it does not.
    explicit SystemdNotifier(std::string address, Duration watchdog = Duration::zero());
    SystemdNotifier(const SystemdNotifier&) = delete;
    SystemdNotifier& operator=(const SystemdNotifier&) = delete;
    /// Stops the watchdog's calls.
    ~SystemdNotifier();

    /// True when there is somebody to tell.
    bool active() const noexcept { return !address_.empty(); }

    /// The service has started (READY=1).
    void ready();
    /// It reads its configuration again (RELOADING=1); ready() follows.
    void reloading();
    /// It is about to end (STOPPING=1).
    void stopping();
    /// What `systemctl status` shows (STATUS=…). Throws std::invalid_argument for more than a line.
    void status(std::string_view text);
    /// It is alive (WATCHDOG=1).
    void watchdog();
    /// Gives a copy of the descriptor `fd` to systemd, which gives it back as an inherited socket
    /// called `name` at the next start (FDSTORE=1). Throws std::invalid_argument for a name that
    /// is empty, longer than 255 bytes, or holds a `:` or a control character.
    void storeFd(std::string_view name, int fd);
    /// Any other assignments, one a line: `EXTEND_TIMEOUT_USEC=5000000`.
    void notify(std::string_view state);

    /// How often a sign of life is due, zero when none is.
    Duration watchdogInterval() const noexcept { return watchdog_; }
    /// Calls watchdog() twice an interval, while the reactor's calls are served; at once for the
    /// first time. A failure is logged. Without an interval it does nothing. `clock` must outlive
    /// this.
    void startWatchdog(IReactorTime& clock);

private:
    void send(std::string_view state, int fd);
    void sign();

    std::string address_;
    Duration watchdog_;
    IReactorTime* clock_ = nullptr;
    DelayedCall next_;
};

}  // namespace marline
