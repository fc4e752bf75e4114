// RecordingProcess: notes what happens to a child, and does what a test wants in each callback.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/protocols/process_protocol.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::testing {

class RecordingProcess final : public ProcessProtocol {
public:
    void connectionMade() override {
        events.emplace_back("made");
        call(onMade);
    }
    void childDataReceived(int childFd, std::span<const std::byte> data) override {
        received[childFd] += asText(data);
        ++deliveries;
        call(onData);
        ProcessProtocol::childDataReceived(childFd, data);
    }
    void outReceived(std::span<const std::byte> data) override { out += asText(data); }
    void errReceived(std::span<const std::byte> data) override { err += asText(data); }
    void childConnectionLost(int childFd) override {
        events.push_back("lost " + std::to_string(childFd));
        call(onPipeLost);
        ProcessProtocol::childConnectionLost(childFd);
    }
    void inConnectionLost() override { ++inLost; }
    void outConnectionLost() override { ++outLost; }
    void errConnectionLost() override { ++errLost; }
    void processExited(const Failure& reason) override {
        events.emplace_back("exited");
        exited = reason;
        call(onExited);
    }
    void processEnded(const Failure& reason) override {
        events.emplace_back("ended");
        ended = reason;
        call(onEnded);
    }

    /// True when the last event of the child was an E.
    template <class E>
    bool endedWith() const {
        return ended && ended->check<E>() != nullptr;
    }

    std::vector<std::string> events;
    std::map<int, std::string> received;
    std::string out;
    std::string err;
    int deliveries = 0;
    int inLost = 0;
    int outLost = 0;
    int errLost = 0;
    std::optional<Failure> exited;
    std::optional<Failure> ended;
    std::function<void(RecordingProcess&)> onMade;
    std::function<void(RecordingProcess&)> onData;
    std::function<void(RecordingProcess&)> onPipeLost;
    std::function<void(RecordingProcess&)> onExited;
    std::function<void(RecordingProcess&)> onEnded;

private:
    void call(const std::function<void(RecordingProcess&)>& what) {
        if (what) {
            what(*this);
        }
    }
};

}  // namespace marline::testing
