// Telnet: commands and options among the bytes of a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/protocols/telnet/detail/option_side.hpp>
#include <marline/protocols/telnet/option.hpp>

namespace marline::telnet {

/// The longest subnegotiation that is let in, in bytes without its option and after unescaping,
/// unless setMaxSubnegotiation() says otherwise.
inline constexpr std::size_t kMaxSubnegotiation = 4096;
/// How much may wait to be sent when the peer is to be answered. Who asks without reading the
/// answers is let go.
inline constexpr std::size_t kMaxUnsent = 1024 * 1024;

/// What the peer sent is beyond a limit; the connection is closed with it.
class MARLINE_API ProtocolError : public Error {
public:
    using Error::Error;
};

/// Telnet without a connection (RFC 854, RFC 855; Twisted: `Telnet`): bytes go in by
/// telnetReceived(), and what they mean comes out by the functions that a subclass overrides.
/// TelnetTransport is that subclass with a connection.
///
/// Options are negotiated by the Q method of RFC 1143, so that no two ends ask each other in
/// circles. Each has two sides: what this end does (willOption(), wontOption()), and what the peer
/// does (doOption(), dontOption()). A Deferred of those fires when the peer has agreed, and fails
/// with
///
/// - OptionRefused when the peer does not want it,
/// - AlreadyEnabled or AlreadyDisabled when there is nothing to do,
/// - AlreadyNegotiating when the same is being asked, or something else waits for that already,
/// - the reason when the connection is lost.
///
/// The opposite of what is being asked waits for the peer's answer, and is asked then.
class MARLINE_API Telnet {
public:
    Telnet() = default;
    Telnet(const Telnet&) = delete;
    Telnet& operator=(const Telnet&) = delete;

    /// Proposes that this end does `option` (Twisted: `will`), or says that it stops (`wont`).
    Deferred<> willOption(Option option);
    Deferred<> wontOption(Option option);
    /// Asks the peer to do `option` (Twisted: `do`), or to stop (`dont`).
    Deferred<> doOption(Option option);
    Deferred<> dontOption(Option option);
    /// Whether this end, or the peer, does `option` now.
    bool localEnabled(Option option) const noexcept;
    bool remoteEnabled(Option option) const noexcept;

    /// Sends `data` about `option`, escaped (Twisted: `requestNegotiation`).
    void requestNegotiation(Option option, std::span<const std::byte> data);
    /// Sends a command of its own, such as Command::GoAhead. Throws std::invalid_argument for those
    /// that take more: they have functions here.
    void sendCommand(Command command);

    /// The longest subnegotiation that is let in; a longer one closes the connection.
    void setMaxSubnegotiation(std::size_t bytes) noexcept { maxSubnegotiation_ = bytes; }
    std::size_t maxSubnegotiation() const noexcept { return maxSubnegotiation_; }

protected:
    ~Telnet() = default;

    /// Takes what came over the connection, cut anyhow. Throws ProtocolError beyond a limit, and
    /// std::logic_error from inside of what it calls, whose views it would overwrite.
    void telnetReceived(std::span<const std::byte> data);
    /// Fails what is still being asked with `reason`, and what is asked later.
    void telnetLost(const Failure& reason);
    /// `data` as it goes over the connection: 255 doubled, `\n` as CR LF and `\r` as CR NUL; the
    /// latter two stay themselves while this end does Option::Binary. Good until the next call.
    std::span<const std::byte> encoded(std::span<const std::byte> data);

    /// Sends bytes that are encoded.
    virtual void sendTelnet(std::span<const std::byte> data) = 0;
    /// How many bytes wait to be sent.
    virtual std::size_t telnetUnsent() const noexcept = 0;
    /// True when nothing more is to be given out.
    virtual bool telnetStopped() const noexcept = 0;
    /// The peer's data came, decoded: CR LF is `\n`, and CR NUL is `\r`. Gone when this returns.
    virtual void applicationDataReceived(std::span<const std::byte> data) = 0;
    /// A command of its own came.
    virtual void commandReceived(Command command) = 0;
    /// A subnegotiation came, unescaped. Gone when this returns.
    virtual void subnegotiationReceived(Option option, std::span<const std::byte> data) = 0;
    /// Whether this end, or the peer, may do `option`, as the peer proposes. Also called, with the
    /// answer of no use, when it has agreed to what this end proposed.
    virtual bool enableLocal(Option option) = 0;
    virtual bool enableRemote(Option option) = 0;
    /// This end, or the peer, does `option` no longer.
    virtual void disableLocal(Option option) = 0;
    virtual void disableRemote(Option option) = 0;

private:
    enum class State : std::uint8_t {
        Data,
        Newline,  // behind a CR
        Escaped,  // behind an IAC
        Command,  // behind IAC WILL and its kin
        Subnegotiation,
        SubnegotiationEscaped
    };
    enum class Whose : std::uint8_t { Local, Remote };
    using Sides = std::map<Option, detail::OptionSide>;

    Deferred<> ask(Whose whose, Option option, bool enable);
    void hear(Whose whose, Option option, bool enable);
    void carryOut(Whose whose, Option option, detail::OptionSide::Step step);
    bool enable(Whose whose, Option option);
    void disable(Whose whose, Option option);
    void say(Whose whose, Option option, bool enable);

    void take(std::uint8_t byte);
    void takeNewline(std::uint8_t byte);
    void takeEscaped(std::uint8_t byte);
    void takeCommand(std::uint8_t byte);
    void takeSubnegotiation(std::uint8_t byte);
    void takeSubnegotiationEscaped(std::uint8_t byte);
    void keepSubnegotiated(std::uint8_t byte);
    void giveData();

    void receive(std::string_view data);

    State state_ = State::Data;
    bool receiving_ = false;
    Command command_ = Command::Nop;  // which State::Command is behind
    std::size_t maxSubnegotiation_ = kMaxSubnegotiation;
    std::string data_;            // decoded and not given out
    std::string subnegotiation_;  // its option, then what came of it
    std::string encoded_;
    Sides local_;
    Sides remote_;
    std::optional<Failure> lost_;
};

}  // namespace marline::telnet
