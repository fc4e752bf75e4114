// NetstringReceiver: a protocol of netstrings, `5:hello,`.
#pragma once

#include <cstddef>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/protocols/frame_receiver.hpp>

namespace marline {

/// The longest string unless setMaxLength() says otherwise (Twisted: `MAX_LENGTH` of
/// NetstringReceiver and of IntNStringReceiver).
inline constexpr std::size_t kMaxStringLength = 99999;

/// A protocol of strings that say their length in decimal digits
/// (https://cr.yp.to/proto/netstrings; Twisted: `NetstringReceiver`).
///
///     class Echo : public NetstringReceiver {
///         void stringReceived(std::string_view string) override { sendString(string); }
///     };
class MARLINE_API NetstringReceiver : public FrameReceiver {
public:
    /// Sends `string` as a netstring. Its length is not limited.
    void sendString(std::string_view string);

    /// The longest string that is let in, in bytes; kMaxStringLength at first.
    void setMaxLength(std::size_t bytes) noexcept { maxLength_ = bytes; }
    std::size_t maxLength() const noexcept { return maxLength_; }

protected:
    ~NetstringReceiver() override = default;

    /// A string came; gone when this returns.
    virtual void stringReceived(std::string_view string) = 0;
    /// What comes is no netstring, or longer than maxLength(), as `why` says; nothing more is
    /// parsed on this connection. Unless overridden it loses the connection and logs why at
    /// LogLevel::Info (Twisted: `handleParseError`).
    virtual void parseFailed(std::string_view why);

    bool parseFrame() override;

private:
    bool refuse(std::string_view why);

    std::size_t maxLength_ = kMaxStringLength;
    bool broken_ = false;
};

}  // namespace marline
