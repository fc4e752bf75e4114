// RecordingProtocol: notes what happens to it, and does what a test wants in each callback.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <marline/reactor/interfaces.hpp>

namespace marline::testing {

class RecordingProtocol final : public IProtocol {
public:
    void makeConnection(ITransport& to) override {
        transport = &to;
        ++made;
        if (onMade) {
            onMade(*this);
        }
    }
    void dataReceived(std::span<const std::byte> data) override {
        received += asText(data);
        ++deliveries;
        if (onData) {
            onData(*this, asText(data));
        }
    }
    void handshakeCompleted() override {
        ++handshakes;
        if (onHandshake) {
            onHandshake(*this);
        }
    }
    void transportChanged(ITransport& to) override { transport = &to; }
    void connectionLost(const Failure& reason) override {
        transport = nullptr;
        ++losses;
        lost = reason;
        if (onLost) {
            onLost(*this);
        }
    }

    /// True when the connection ended with an error of type E.
    template <class E>
    bool lostWith() const {
        return lost && lost->check<E>() != nullptr;
    }

    ITransport* transport = nullptr;
    int made = 0;
    int deliveries = 0;
    int handshakes = 0;
    int losses = 0;
    std::string received;
    std::optional<Failure> lost;
    std::function<void(RecordingProtocol&)> onMade;
    std::function<void(RecordingProtocol&)> onHandshake;
    std::function<void(RecordingProtocol&, std::string_view)> onData;
    std::function<void(RecordingProtocol&)> onLost;
};

/// Makes RecordingProtocols, each treated by `prepare`, and remembers them.
class RecordingFactory final : public IProtocolFactory {
public:
    explicit RecordingFactory(std::function<void(RecordingProtocol&)> prepare = {})
        : prepare_(std::move(prepare)) {}

    Ref<IProtocol> buildProtocol(const Address&) override {
        if (refuse) {
            return {};
        }
        auto protocol = makeRef<RecordingProtocol>();
        if (prepare_) {
            prepare_(*protocol);
        }
        if (keep) {
            built.push_back(protocol);
        }
        return protocol;
    }
    void doStart() override { ++starts; }
    void doStop() override { ++stops; }

    std::vector<Ref<RecordingProtocol>> built;
    bool keep = true;
    bool refuse = false;
    int starts = 0;
    int stops = 0;

private:
    std::function<void(RecordingProtocol&)> prepare_;
};

/// Sends back what comes.
inline void echo(RecordingProtocol& protocol) {
    protocol.onData = [](RecordingProtocol& self, std::string_view data) {
        self.transport->write(data);
    };
}

}  // namespace marline::testing
