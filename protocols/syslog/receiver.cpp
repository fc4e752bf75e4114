#include <marline/protocols/syslog/receiver.hpp>

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include <marline/reactor/log.hpp>

namespace marline::syslog {
namespace {

// Of a count: more is beyond every limit.
constexpr std::size_t kMostDigits = 10;

void logBad(const Failure& why, const Address& from) {
    log(LogLevel::Info, from.toString() + " sent what is no message: " + why.message());
}

}  // namespace

bool Receiver::parseFrame() {
    const std::string_view data = unparsed();
    if (data.empty()) {
        return false;
    }
    return data.front() == '<' ? parseLine(data) : parseCounted(data);
}

bool Receiver::parseCounted(std::string_view data) {
    const std::size_t blank = data.substr(0, kMostDigits + 1).find(' ');
    const std::string_view digits = data.substr(0, std::min(blank, kMostDigits + 1));
    std::size_t length = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, length);
    if (digits.starts_with('0') || stop != end || error != std::errc() ||
        digits.size() > kMostDigits) {
        return refuse("what is neither a count nor a priority");
    }
    if (length > maxMessage_) {
        return refuse("a message of " + std::to_string(length) +
                      " bytes (Receiver::setMaxMessage)");
    }
    if (blank == std::string_view::npos || data.size() - blank - 1 < length) {
        return false;
    }
    skip(blank + 1 + length);
    give(data.substr(blank + 1, length));
    return true;
}

bool Receiver::parseLine(std::string_view data) {
    const std::size_t newline = data.find('\n', searched());
    const std::size_t length = std::min(newline, data.size());
    if (length > maxMessage_) {
        return refuse("a line of more than " + std::to_string(maxMessage_) +
                      " bytes (Receiver::setMaxMessage)");
    }
    if (newline == std::string_view::npos) {
        setSearched(data.size());
        return false;
    }
    skip(newline + 1);
    give(data.substr(0, newline));
    return true;
}

void Receiver::give(std::string_view data) {
    Result<Message> message = parseMessage(data);
    const Address from = transport() != nullptr ? transport()->getPeer() : Address();
    if (message.ok()) {
        messageReceived(std::move(message).value(), from);
    } else {
        badMessageReceived(data, message.failure(), from);
    }
}

/// Nobody knows where the next message begins.
bool Receiver::refuse(std::string_view why) {
    skip(unparsed().size());
    log(LogLevel::Info, transport()->getPeer().toString() + " sent " + std::string(why) +
                            "; the syslog connection is closed");
    transport()->loseConnection();
    return true;
}

void Receiver::badMessageReceived(std::string_view, const Failure& why, const Address& from) {
    logBad(why, from);
}

void UdpReceiver::datagramReceived(std::span<const std::byte> data, const Address& from) {
    Result<Message> message = parseMessage(asText(data));
    if (message.ok()) {
        messageReceived(std::move(message).value(), from);
    } else {
        badMessageReceived(asText(data), message.failure(), from);
    }
}

void UdpReceiver::badMessageReceived(std::string_view, const Failure& why, const Address& from) {
    logBad(why, from);
}

}  // namespace marline::syslog
