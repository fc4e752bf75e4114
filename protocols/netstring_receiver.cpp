#include <marline/protocols/netstring_receiver.hpp>

#include <array>
#include <charconv>
#include <limits>
#include <string>

#include <marline/reactor/log.hpp>

namespace marline {

void NetstringReceiver::sendString(std::string_view string) {
    if (transport() == nullptr) {
        return;
    }
    std::array<char, std::numeric_limits<std::size_t>::digits10 + 2> head;
    char* const end = std::to_chars(head.data(), head.data() + head.size(), string.size()).ptr;
    *end = ':';
    const std::string_view length(head.data(), end + 1);
    transport()->writeSequence(std::array{asBytes(length), asBytes(string), asBytes(",")});
}

bool NetstringReceiver::parseFrame() {
    const std::string_view data = unparsed();
    if (broken_) {
        skip(data.size());
        return false;
    }
    std::size_t length = 0;
    std::size_t at = 0;
    for (; at < data.size() && data[at] >= '0' && data[at] <= '9'; ++at) {
        if (at > 0 && length == 0) {
            return refuse("a netstring's length begins with 0");
        }
        const auto digit = static_cast<std::size_t>(data[at] - '0');
        if (digit > maxLength_ || length > (maxLength_ - digit) / 10) {
            return refuse("a netstring is longer than " + std::to_string(maxLength_) +
                          " bytes (NetstringReceiver::setMaxLength)");
        }
        length = length * 10 + digit;
    }
    if (at == data.size()) {
        return false;
    }
    if (at == 0 || data[at] != ':') {
        return refuse("a netstring does not begin with its length and a colon");
    }
    const std::size_t begin = at + 1;
    if (data.size() - begin <= length) {
        return false;
    }
    if (data[begin + length] != ',') {
        return refuse("a netstring does not end with a comma where its length says");
    }
    skip(begin + length + 1);
    stringReceived(data.substr(begin, length));
    return true;
}

bool NetstringReceiver::refuse(std::string_view why) {
    broken_ = true;
    skip(unparsed().size());
    parseFailed(why);
    return false;
}

void NetstringReceiver::parseFailed(std::string_view why) {
    if (transport() != nullptr) {
        log(LogLevel::Info, transport()->getPeer().toString() + ": " + std::string(why) +
                                "; the connection is closed");
        transport()->loseConnection();
    }
}

}  // namespace marline
