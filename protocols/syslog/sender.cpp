#include <marline/protocols/syslog/sender.hpp>

namespace marline::syslog {

bool UdpSender::send(const Message& message) {
    const std::string text = formatMessage(message, maxMessage_);
    if (transport() == nullptr) {
        return false;
    }
    transport()->write(text);
    return true;
}

bool Sender::send(const Message& message) {
    const std::string text = formatMessage(message, maxMessage_);
    const std::string frame = std::to_string(text.size()) + ' ' + text;
    if (transport() == nullptr || transport()->disconnecting() ||
        transport()->bytesBuffered() + frame.size() > maxUnsent_) {
        ++dropped_;
        return false;
    }
    transport()->write(frame);
    return true;
}

std::error_code LocalSender::send(const Message& message) {
    return socket_.send(asBytes(formatLocalMessage(message)));
}

}  // namespace marline::syslog
