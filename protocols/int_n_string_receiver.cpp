#include <marline/protocols/int_n_string_receiver.hpp>

#include <array>
#include <string>

#include <marline/reactor/log.hpp>

namespace marline {
namespace {

constexpr unsigned kByteBits = 8;

}  // namespace

void IntNStringReceiver::sendString(std::string_view string) {
    const std::uint64_t limit = std::uint64_t{1} << (kByteBits * prefixBytes_);
    if (string.size() >= limit) {
        throw StringTooLongError("sendString of " + std::to_string(string.size()) +
                                 " bytes: a prefix of " + std::to_string(prefixBytes_) +
                                 " bytes says " + std::to_string(limit - 1) + " at most");
    }
    if (transport() == nullptr) {
        return;
    }
    std::array<std::byte, 4> prefix;
    for (unsigned at = 0; at < prefixBytes_; ++at) {
        prefix[at] = static_cast<std::byte>(string.size() >> (kByteBits * (prefixBytes_ - 1 - at)));
    }
    const auto head = std::span<const std::byte>(prefix).first(prefixBytes_);
    transport()->writeSequence(std::array{head, asBytes(string)});
}

bool IntNStringReceiver::parseFrame() {
    const std::string_view data = unparsed();
    if (data.size() < prefixBytes_) {
        return false;
    }
    std::size_t length = 0;
    for (unsigned at = 0; at < prefixBytes_; ++at) {
        length = length << kByteBits | static_cast<unsigned char>(data[at]);
    }
    if (length > maxLength_) {
        lengthLimitExceeded(length);
        return false;
    }
    if (data.size() - prefixBytes_ < length) {
        return false;
    }
    skip(prefixBytes_ + length);
    stringReceived(data.substr(prefixBytes_, length));
    return true;
}

void IntNStringReceiver::lengthLimitExceeded(std::size_t length) {
    if (transport() != nullptr) {
        log(LogLevel::Info, transport()->getPeer().toString() + " announces a string of " +
                                std::to_string(length) + " bytes, more than " +
                                std::to_string(maxLength_) +
                                " (IntNStringReceiver::setMaxLength); the connection is closed");
        transport()->loseConnection();
    }
}

}  // namespace marline
