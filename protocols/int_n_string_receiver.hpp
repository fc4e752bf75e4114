// Int8StringReceiver, Int16StringReceiver and Int32StringReceiver: strings behind their length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/protocols/frame_receiver.hpp>
#include <marline/protocols/netstring_receiver.hpp>

namespace marline {

/// Misuse: a string is longer than its prefix can say (Twisted: `StringTooLongError`).
class MARLINE_API StringTooLongError : public std::length_error {
public:
    using std::length_error::length_error;
};

/// A protocol of strings, each behind its length as a big-endian number (Twisted:
/// `IntNStringReceiver`). Derive from one of the three below.
///
///     class Echo : public Int32StringReceiver {
///         void stringReceived(std::string_view string) override { sendString(string); }
///     };
class MARLINE_API IntNStringReceiver : public FrameReceiver {
public:
    /// Sends `string` behind its length. Throws StringTooLongError, and sends nothing, when the
    /// prefix cannot say the length; maxLength() is for what comes only.
    void sendString(std::string_view string);

    /// The longest string that is let in, in bytes; kMaxStringLength at first.
    void setMaxLength(std::size_t bytes) noexcept { maxLength_ = bytes; }
    std::size_t maxLength() const noexcept { return maxLength_; }

protected:
    /// With a prefix of so many bytes: 1, 2 or 4.
    explicit IntNStringReceiver(std::uint8_t prefixBytes) noexcept : prefixBytes_(prefixBytes) {}
    ~IntNStringReceiver() override = default;

    /// A string came; gone when this returns.
    virtual void stringReceived(std::string_view string) = 0;
    /// A prefix says more than maxLength(); none of that string has been waited for. unparsed()
    /// begins with the prefix, and takeUnparsed() has it: what is left there is parsed again at
    /// the next read. Unless overridden it loses the connection and logs why at LogLevel::Info.
    virtual void lengthLimitExceeded(std::size_t length);

    bool parseFrame() override;

private:
    std::size_t maxLength_ = kMaxStringLength;
    std::uint8_t prefixBytes_;
};

/// Strings of up to 255 bytes, behind one byte (Twisted: `Int8StringReceiver`).
class MARLINE_API Int8StringReceiver : public IntNStringReceiver {
protected:
    Int8StringReceiver() noexcept : IntNStringReceiver(1) {}
};

/// Strings of up to 65535 bytes, behind two (Twisted: `Int16StringReceiver`).
class MARLINE_API Int16StringReceiver : public IntNStringReceiver {
protected:
    Int16StringReceiver() noexcept : IntNStringReceiver(2) {}
};

/// Strings behind four bytes (Twisted: `Int32StringReceiver`).
class MARLINE_API Int32StringReceiver : public IntNStringReceiver {
protected:
    Int32StringReceiver() noexcept : IntNStringReceiver(4) {}
};

}  // namespace marline
