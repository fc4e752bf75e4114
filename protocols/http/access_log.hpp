// AccessLog: a line for every request that was answered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/time.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline::http {

class Request;

/// Hears of every request when its response is finished (Twisted: `IAccessLogFormatter`, Q-19).
class MARLINE_API AccessLog : public RefCounted {
public:
    virtual void answered(Request& request) = 0;

protected:
    ~AccessLog() override = default;
};

/// How a line is written.
enum class LogFormat : std::uint8_t {
    Combined,  ///< As Apache, nginx and Twisted do.
    Json,      ///< One object a line, with the time that it took.
};

/// The line of a request that came at `when`, with its end. Control characters, quotes and bytes
/// beyond ASCII are escaped, so that no client can write a line of its own.
MARLINE_API std::string accessLogLine(Request& request, LogFormat format,
                                      std::chrono::system_clock::time_point when);

/// Appends lines to a file. They are collected, and written when there are 64 KiB, after a second,
/// and at the end; several processes may write to one file.
class MARLINE_API FileAccessLog final : public AccessLog {
public:
    /// `path` is the file's, or `-` for the standard output. Throws std::system_error when it
    /// cannot be opened. `clock` must outlive it.
    FileAccessLog(IReactorTime& clock, std::string path, LogFormat format = LogFormat::Combined);

    void answered(Request& request) override;
    /// Writes what was collected. What cannot be written is lost, and logged.
    void flush();
    /// Opens the file anew, after it was moved away. Throws as the constructor does, and goes on
    /// with the old one then.
    void reopen();

private:
    ~FileAccessLog() override;

    IReactorTime& clock_;
    std::string path_;
    LogFormat format_;
    UniqueFd file_;
    std::string lines_;
    DelayedCall flushing_;
};

}  // namespace marline::http
