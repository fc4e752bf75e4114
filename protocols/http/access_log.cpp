#include <marline/protocols/http/access_log.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <marline/protocols/http/detail/temporary_file.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http {
namespace {

constexpr std::size_t kCollected = 64 * 1024;
constexpr Duration kFlushAfter = std::chrono::seconds(1);

bool isPlain(char c) noexcept { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; }

/// Appends `text` with what is not plain as `\x0a`, or `\u000a` for JSON.
void appendEscaped(std::string& out, std::string_view text, std::string_view prefix) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const char c : text) {
        if (isPlain(c)) {
            out += c;
        } else if (c == '"' || c == '\\') {
            out.append("\\") += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.append(prefix) += kDigits[byte >> 4U];
            out += kDigits[byte & 15U];
        }
    }
}

void appendQuoted(std::string& out, std::string_view text) {
    out += " \"";
    appendEscaped(out, text.empty() ? "-" : text, "\\x");
    out += '"';
}

void appendMember(std::string& out, std::string_view name, std::string_view value) {
    out.append(out.size() > 1 ? ",\"" : "\"").append(name).append("\":\"");
    appendEscaped(out, value, "\\u00");
    out += '"';
}

void appendMember(std::string& out, std::string_view name, const std::string& number, bool) {
    out.append(",\"").append(name).append("\":").append(number);
}

std::string timeText(std::chrono::system_clock::time_point when, const char* format) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 64> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), format, &utc);
    return {text.data(), length};
}

std::string hostOf(const Request& request) {
    const std::string& host = request.getPeer().host;
    return host.empty() ? "-" : host;
}

std::string combinedLine(Request& request, std::chrono::system_clock::time_point when) {
    std::string line = hostOf(request) + " - ";
    appendEscaped(line, request.getUser().empty() ? "-" : request.getUser(), "\\x");
    line.append(timeText(when, " [%d/%b/%Y:%H:%M:%S +0000]"));
    appendQuoted(line,
                 request.method() + " " + request.uri() + " " + std::string(request.clientproto()));
    line.append(" ").append(std::to_string(request.responseCode())).append(" ");
    line.append(request.sentBytes() > 0 ? std::to_string(request.sentBytes()) : "-");
    appendQuoted(line, request.getHeader("Referer").value_or(""));
    appendQuoted(line, request.getHeader("User-Agent").value_or(""));
    return line + "\n";
}

std::string jsonLine(Request& request, std::chrono::system_clock::time_point when) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
        request.clock().seconds() - request.receivedAt());
    std::string line = "{";
    appendMember(line, "time", timeText(when, "%Y-%m-%dT%H:%M:%SZ"));
    appendMember(line, "peer", hostOf(request));
    appendMember(line, "user", request.getUser());
    appendMember(line, "method", request.method());
    appendMember(line, "uri", request.uri());
    appendMember(line, "protocol", request.clientproto());
    appendMember(line, "host", request.getHeader("Host").value_or(""));
    appendMember(line, "status", std::to_string(request.responseCode()), true);
    appendMember(line, "bytes", std::to_string(request.sentBytes()), true);
    appendMember(line, "microseconds", std::to_string(took.count()), true);
    appendMember(line, "referer", request.getHeader("Referer").value_or(""));
    appendMember(line, "userAgent", request.getHeader("User-Agent").value_or(""));
    return line + "}\n";
}

UniqueFd openLog(const std::string& path) {
    UniqueFd file(path == "-"
                      ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                      : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!file) {
        throw std::system_error(errno, std::system_category(), "open access log " + path);
    }
    return file;
}

}  // namespace

std::string accessLogLine(Request& request, LogFormat format,
                          std::chrono::system_clock::time_point when) {
    return format == LogFormat::Json ? jsonLine(request, when) : combinedLine(request, when);
}

FileAccessLog::FileAccessLog(IReactorTime& clock, std::string path, LogFormat format)
    : clock_(clock), path_(std::move(path)), format_(format), file_(openLog(path_)) {}

FileAccessLog::~FileAccessLog() {
    if (flushing_.active()) {
        flushing_.cancel();
    }
    flush();
}

void FileAccessLog::answered(Request& request) {
    lines_ += accessLogLine(request, format_, std::chrono::system_clock::now());
    if (lines_.size() >= kCollected) {
        flush();
    } else if (!flushing_.active()) {
        flushing_ = clock_.callLater(kFlushAfter, [this] { flush(); });
    }
}

void FileAccessLog::flush() {
    try {
        detail::writeAll(file_.get(), lines_);
    } catch (const std::exception& error) {
        log(LogLevel::Error, "access log " + path_ + ": " + error.what());
    }
    lines_.clear();
}

void FileAccessLog::reopen() {
    flush();
    file_ = openLog(path_);
}

}  // namespace marline::http
