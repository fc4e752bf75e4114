// What goes over syslog: a message, and how it is written and read (RFC 5424).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/result.hpp>

namespace marline::syslog {

/// The longest message that is sent or taken, in bytes, unless said otherwise. RFC 5424 §6.1 wants
/// 480 to be taken, and better 2,048; rsyslog takes 8,192.
inline constexpr std::size_t kMaxMessage = 8192;
/// The longest names of a message, in bytes (RFC 5424 §6).
inline constexpr std::size_t kMaxHostName = 255;
inline constexpr std::size_t kMaxAppName = 48;
inline constexpr std::size_t kMaxProcId = 128;
inline constexpr std::size_t kMaxMsgId = 32;
/// The longest name of an element or a parameter, in bytes (RFC 5424 §6.3).
inline constexpr std::size_t kMaxSdName = 32;

/// How bad it is (RFC 5424 §6.2.1); the smaller the worse.
enum class Severity : std::uint8_t {
    Emergency,
    Alert,
    Critical,
    Error,
    Warning,
    Notice,
    Info,
    Debug
};

/// What part of a system it comes from (RFC 5424 §6.2.1).
enum class Facility : std::uint8_t {
    Kernel,
    User,
    Mail,
    Daemon,
    Auth,
    Syslog,
    Lpr,
    News,
    Uucp,
    Clock,
    AuthPriv,
    Ftp,
    Ntp,
    Audit,
    Alarm,
    Clock2,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7
};

/// One value of an Element: `name="value"`.
struct Parameter {
    std::string name;
    /// UTF-8, of which the message's text escapes what must be.
    std::string value;

    friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// Structured data of one kind (RFC 5424 §6.3): `[id name="value" …]`. An `id` that the IANA does
/// not know has an `@` and the number of an enterprise in it: `origin@32473`.
struct Element {
    std::string id;
    std::vector<Parameter> parameters;

    friend bool operator==(const Element&, const Element&) = default;
};

/// One message.
struct Message {
    /// To the microsecond, as the protocol has it; in UTC.
    using Time = std::chrono::sys_time<std::chrono::microseconds>;
    enum class Format : std::uint8_t {
        Rfc5424,
        Rfc3164,  ///< The older one, as far as it could be understood.
    };

    Facility facility = Facility::User;
    Severity severity = Severity::Notice;
    /// Nothing when the sender does not say it.
    std::optional<Time> time = {};
    /// Printable ASCII without blanks, as the three that follow; each may be empty.
    std::string hostName = {};
    std::string appName = {};
    std::string procId = {};
    /// What kind of message it is: `TCPIN`.
    std::string msgId = {};
    std::vector<Element> elements = {};
    /// What it says. May hold any bytes of a peer's choice: mind them where it is shown.
    std::string text = {};
    /// The text is said to be UTF-8, by a byte order mark that is not part of it.
    bool utf8 = false;
    /// What it was read from; formatMessage() writes Rfc5424 always.
    Format format = Format::Rfc5424;
    /// Of Rfc3164 the time as it was written, which has neither a year nor a zone:
    /// `Oct 11 22:14:15`.
    std::string localTime = {};

    friend bool operator==(const Message&, const Message&) = default;
};

/// What came is no message; this says where it stops being one.
class MARLINE_API FormatError : public Error {
public:
    using Error::Error;
};

/// A message of this process: with its host's name, its number, and the time now.
MARLINE_API Message localMessage(std::string appName, Severity severity, std::string text);

/// The message as RFC 5424 has it. A text that makes it longer than `most` bytes is cut, between
/// characters when it is UTF-8.
///
/// Throws std::invalid_argument for names that cannot be sent, two elements of one id, text that is
/// said to be UTF-8 and is not, values that are not, and years beyond 0 to 9999; std::length_error
/// when it is too long without the text.
MARLINE_API std::string formatMessage(const Message& message, std::size_t most = kMaxMessage);

/// The message as programs of one host say it to their own `/dev/log`, and syslog(3) does:
/// `<13>Oct 11 22:14:15 app[pid]: text`, with the local time. What it cannot hold is left out.
/// Throws as formatMessage().
MARLINE_API std::string formatLocalMessage(const Message& message, std::size_t most = kMaxMessage);

/// Reads a message of RFC 5424, strictly. Fails with FormatError.
MARLINE_API Result<Message> parseRfc5424(std::string_view data);

/// Reads what came: what begins as RFC 5424 has it (`<13>1 `) strictly, and all else as RFC 3164
/// and those who did not read it do: with any of its parts missing, and a line end or NUL behind
/// it. Fails with FormatError, for the latter only when it is empty.
MARLINE_API Result<Message> parseMessage(std::string_view data);

}  // namespace marline::syslog
