#include <marline/protocols/policies/traffic_logging.hpp>

#include <array>
#include <string>

#include <marline/reactor/log.hpp>

namespace marline {
namespace {

/// `bytes` as a C string literal would have them.
std::string quoted(std::span<const std::byte> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    constexpr unsigned kDigitBits = 4;
    std::string text = "\"";
    for (const char c : asText(bytes)) {
        const auto value = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            text += {'\\', c};
        } else if (c == '\r') {
            text += "\\r";
        } else if (c == '\n') {
            text += "\\n";
        } else if (c == '\t') {
            text += "\\t";
        } else if (c < ' ' || c > '~') {
            text += {'\\', 'x', kDigits[value >> kDigitBits], kDigits[value & 0xFU]};
        } else {
            text += c;
        }
    }
    return text + '"';
}

}  // namespace

class TrafficLoggingFactory::Connection final : public ProtocolWrapper {
public:
    Connection(Ref<TrafficLoggingFactory> factory, Ref<IProtocol> inner)
        : ProtocolWrapper(std::move(inner)), factory_(std::move(factory)),
          number_(std::to_string(++factory_->connections_) + ' ') {}

    void makeConnection(ITransport& transport) override {
        tell("connected to " + transport.getPeer().toString());
        ProtocolWrapper::makeConnection(transport);
    }
    void dataReceived(std::span<const std::byte> data) override {
        tell("received " + shown(data));
        ProtocolWrapper::dataReceived(data);
    }
    void connectionLost(const Failure& reason) override {
        tell("lost: " + reason.message());
        ProtocolWrapper::connectionLost(reason);
    }
    void write(std::span<const std::byte> data) override {
        tell("sent " + shown(data));
        ProtocolWrapper::write(data);
    }
    void writeSequence(std::span<const std::span<const std::byte>> pieces) override {
        for (const std::span<const std::byte> piece : pieces) {
            tell("sent " + shown(piece));
        }
        ProtocolWrapper::writeSequence(pieces);
    }
    void loseConnection() override {
        tell("loses the connection");
        ProtocolWrapper::loseConnection();
    }
    void abortConnection() override {
        tell("aborts the connection");
        ProtocolWrapper::abortConnection();
    }

private:
    std::string shown(std::span<const std::byte> data) const {
        if (data.size() <= factory_->maxBytes_) {
            return quoted(data);
        }
        return quoted(data.first(factory_->maxBytes_)) + " and " +
               std::to_string(data.size() - factory_->maxBytes_) + " bytes more";
    }
    void tell(const std::string& what) const { factory_->sink_(number_ + what); }

    Ref<TrafficLoggingFactory> factory_;
    std::string number_;
};

TrafficLoggingFactory::TrafficLoggingFactory(Ref<IProtocolFactory> factory, Sink sink,
                                             std::size_t maxBytes)
    : WrappingFactory(std::move(factory)), sink_(std::move(sink)), maxBytes_(maxBytes) {
    if (!sink_) {
        sink_ = [](std::string_view line) { log(LogLevel::Info, line); };
    }
}

Ref<IProtocol> TrafficLoggingFactory::wrap(Ref<IProtocol> inner) {
    return makeRef<Connection>(Ref<TrafficLoggingFactory>(this), std::move(inner));
}

}  // namespace marline
