// Internal: not installed. Reads a message of RFC 5424, part by part.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <marline/protocols/syslog/message.hpp>

namespace marline::syslog::detail {

/// `<0>` to `<191>` at the front of `data`, which is taken off; nothing when there is none.
std::optional<unsigned> takePriority(std::string_view& data);

/// One attempt at one message.
class Reader {
public:
    explicit Reader(std::string_view data) : data_(data), rest_(data) {}

    Result<Message> read();

private:
    bool readHeader();
    bool blank();
    bool word(std::string& into, std::size_t most, const char* what);
    bool timestamp();
    bool clock(std::chrono::microseconds& time);
    bool fraction(std::chrono::microseconds& time);
    bool zone(std::chrono::microseconds& time);
    bool structuredData();
    bool element();
    bool parameter(Element& of);
    bool value(std::string& into);
    bool text();

    bool literal(char c);
    bool number(int& into, std::size_t digits);
    std::string_view name();
    bool wants(const char* what);

    std::string_view data_;
    std::string_view rest_;
    Message message_;
    const char* wanted_ = "";
};

}  // namespace marline::syslog::detail
