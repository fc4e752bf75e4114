// LineReceiver and LineOnlyReceiver: protocols of lines of text.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/protocols/frame_receiver.hpp>

namespace marline {

/// The longest line, without its delimiter, unless setMaxLength() says otherwise (Twisted:
/// `LineReceiver.MAX_LENGTH`).
inline constexpr std::size_t kMaxLineLength = 16384;

/// A protocol of nothing but lines (Twisted: `LineOnlyReceiver`).
///
///     class Echo : public LineOnlyReceiver {
///         void lineReceived(std::string_view line) override { sendLine(line); }
///     };
class MARLINE_API LineOnlyReceiver : public FrameReceiver {
public:
    /// Sends `line` and the delimiter, together. `line` is not searched for delimiters.
    void sendLine(std::string_view line);

    /// What ends a line, CRLF at first. An empty one throws std::invalid_argument. What has come
    /// and is not given out is read with the new one.
    void setDelimiter(std::string delimiter);
    const std::string& delimiter() const noexcept { return delimiter_; }
    /// The longest line that is let in, in bytes without the delimiter; kMaxLineLength at first.
    void setMaxLength(std::size_t bytes) noexcept { maxLength_ = bytes; }
    std::size_t maxLength() const noexcept { return maxLength_; }

protected:
    ~LineOnlyReceiver() override = default;

    /// A line came; without its delimiter, and gone when this returns.
    virtual void lineReceived(std::string_view line) = 0;
    /// A line is longer than maxLength(). `data` is that line and all that came behind it, which
    /// is not parsed any more. Unless overridden it loses the connection and logs why at
    /// LogLevel::Info.
    virtual void lineLengthExceeded(std::string_view data);

    bool parseFrame() override;

private:
    void refuseLine();

    std::string delimiter_ = "\r\n";
    std::size_t maxLength_ = kMaxLineLength;
};

/// A protocol of lines, and of raw bytes in between (Twisted: `LineReceiver`).
///
///     void lineReceived(std::string_view line) override {
///         if (line.empty()) {
///             setRawMode();   // the headers are over
///         }
///     }
///     void rawDataReceived(std::span<const std::byte> data) override {
///         …
///         setLineMode(data.subspan(bodyLength));   // what is behind the body are lines again
///     }
class MARLINE_API LineReceiver : public LineOnlyReceiver {
public:
    /// From now on rawDataReceived() gets what comes, first all that has come and is not given out.
    void setRawMode() noexcept { rawMode_ = true; }
    /// From now on lineReceived() gets what comes, first of all `extra`: the part of the raw bytes
    /// that was not of them.
    void setLineMode(std::span<const std::byte> extra = {});
    bool rawMode() const noexcept { return rawMode_; }

protected:
    ~LineReceiver() override = default;

    /// Bytes came in raw mode; gone when this returns. Must be overridden by whoever calls
    /// setRawMode(): this one throws std::logic_error.
    virtual void rawDataReceived(std::span<const std::byte> data);

    bool parseFrame() override;

private:
    bool rawMode_ = false;
};

}  // namespace marline
