// Telnet's commands and options, by number, and what goes wrong between two ends about them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>

namespace marline::telnet {

/// What stands behind an IAC (RFC 854; EndOfRecord: RFC 885).
enum class Command : std::uint8_t {
    EndOfRecord = 239,
    Se = 240,
    Nop = 241,
    DataMark = 242,
    Break = 243,
    InterruptProcess = 244,
    AbortOutput = 245,
    AreYouThere = 246,
    EraseCharacter = 247,
    EraseLine = 248,
    GoAhead = 249,
    Sb = 250,
    Will = 251,
    Wont = 252,
    Do = 253,
    Dont = 254,
    Iac = 255
};

/// What two ends may agree on. Any number from 0 to 255 may be one; these have names here.
enum class Option : std::uint8_t {
    Binary = 0,
    Echo = 1,
    SuppressGoAhead = 3,
    Status = 5,
    TimingMark = 6,
    TerminalType = 24,
    EndOfRecord = 25,
    Naws = 31,
    LineMode = 34
};

/// An option was not turned on or off (Twisted: `NegotiationError`).
class MARLINE_API NegotiationError : public Error {
public:
    NegotiationError(Option option, const std::string& what)
        : Error("telnet option " + std::to_string(static_cast<unsigned>(option)) + ' ' + what),
          option_(option) {}

    Option option() const noexcept { return option_; }

private:
    Option option_;
};

/// The peer does not want it (Twisted: `OptionRefused`).
class MARLINE_API OptionRefused : public NegotiationError {
public:
    explicit OptionRefused(Option option) : NegotiationError(option, "is refused by the peer") {}
};

/// It is on (Twisted: `AlreadyEnabled`).
class MARLINE_API AlreadyEnabled : public NegotiationError {
public:
    explicit AlreadyEnabled(Option option) : NegotiationError(option, "is enabled already") {}
};

/// It is off (Twisted: `AlreadyDisabled`).
class MARLINE_API AlreadyDisabled : public NegotiationError {
public:
    explicit AlreadyDisabled(Option option) : NegotiationError(option, "is disabled already") {}
};

/// The peer has not answered yet what it was asked about it (Twisted: `AlreadyNegotiating`).
class MARLINE_API AlreadyNegotiating : public NegotiationError {
public:
    explicit AlreadyNegotiating(Option option)
        : NegotiationError(option, "is being negotiated; wait for the Deferred of that") {}
};

/// The size of a terminal's window, in characters; 0: unknown (RFC 1073).
struct WindowSize {
    std::uint16_t columns = 0;
    std::uint16_t rows = 0;

    friend bool operator==(const WindowSize&, const WindowSize&) = default;
};

/// What a subnegotiation about Option::Naws says; nothing when it has not four bytes.
MARLINE_API std::optional<WindowSize> parseWindowSize(std::span<const std::byte> data) noexcept;
/// What a subnegotiation about Option::Naws holds to say `size`.
MARLINE_API std::string windowSizeData(const WindowSize& size);

}  // namespace marline::telnet
