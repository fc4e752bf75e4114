#include <marline/protocols/line_receiver.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <marline/reactor/log.hpp>

namespace marline {

void LineOnlyReceiver::sendLine(std::string_view line) {
    if (transport() != nullptr) {
        transport()->writeSequence(std::array{asBytes(line), asBytes(delimiter_)});
    }
}

void LineOnlyReceiver::setDelimiter(std::string delimiter) {
    if (delimiter.empty()) {
        throw std::invalid_argument("LineReceiver::setDelimiter: an empty delimiter ends no line");
    }
    delimiter_ = std::move(delimiter);
    setSearched(0);
}

bool LineOnlyReceiver::parseFrame() {
    const std::string_view data = unparsed();
    const std::size_t end = data.find(delimiter_, searched());
    const std::size_t length = std::min(end, data.size());
    const bool whole = end != std::string_view::npos;
    // Of a line without an end the last bytes may be the beginning of its delimiter.
    if (length > maxLength_ && (whole || length - maxLength_ >= delimiter_.size())) {
        refuseLine();
        return true;
    }
    if (!whole) {
        setSearched(length - std::min(length, delimiter_.size() - 1));
        return false;
    }
    skip(end + delimiter_.size());
    lineReceived(data.substr(0, end));
    return true;
}

void LineOnlyReceiver::refuseLine() {
    const std::string_view data = unparsed();
    skip(data.size());
    lineLengthExceeded(data);
}

void LineOnlyReceiver::lineLengthExceeded(std::string_view) {
    if (transport() != nullptr) {
        log(LogLevel::Info, transport()->getPeer().toString() + " sent a line longer than " +
                                std::to_string(maxLength_) +
                                " bytes (LineReceiver::setMaxLength); the connection is closed");
        transport()->loseConnection();
    }
}

void LineReceiver::setLineMode(std::span<const std::byte> extra) {
    rawMode_ = false;
    dataReceived(extra);
}

void LineReceiver::rawDataReceived(std::span<const std::byte>) {
    throw std::logic_error("a LineReceiver went into raw mode without a rawDataReceived()");
}

bool LineReceiver::parseFrame() {
    if (!rawMode_) {
        return LineOnlyReceiver::parseFrame();
    }
    const std::string_view data = unparsed();
    if (data.empty()) {
        return false;
    }
    skip(data.size());
    rawDataReceived(asBytes(data));
    return true;
}

}  // namespace marline
