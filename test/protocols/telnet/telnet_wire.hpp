// A TelnetTransport between a transport in memory and a protocol that notes what it is told.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/deferred/ref.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/protocols/telnet/telnet_transport.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <test/protocols/framing.hpp>

namespace marline::telnet {

/// Text of bytes: `IAC DO 1` is `bytes({255, 253, 1})`.
inline std::string bytes(std::initializer_list<int> numbers) {
    std::string text;
    for (const int number : numbers) {
        text += static_cast<char>(number);
    }
    return text;
}

inline std::string numberOf(auto what) { return std::to_string(static_cast<unsigned>(what)); }

/// Notes data, `+local 1`, `-remote 3`, `command 246`, `sub 31 …`; agrees to what `agrees` says.
class Noting final : public Protocol, public ITelnetProtocol {
public:
    void dataReceived(std::span<const std::byte> data) override {
        if (got.empty() || !got.back().starts_with("data ")) {
            got.emplace_back("data ");
        }
        got.back() += asText(data);
        called();
    }
    void commandReceived(Command command) override { note("command " + numberOf(command)); }
    void subnegotiationReceived(Option option, std::span<const std::byte> data) override {
        note("sub " + numberOf(option) + ' ' + std::string(asText(data)));
    }
    bool enableLocal(Option option) override {
        note("+local " + numberOf(option));
        return agrees(option);
    }
    bool enableRemote(Option option) override {
        note("+remote " + numberOf(option));
        return agrees(option);
    }
    void disableLocal(Option option) override { note("-local " + numberOf(option)); }
    void disableRemote(Option option) override { note("-remote " + numberOf(option)); }
    void connectionLost(const Failure& reason) override {
        got.push_back("lost " + reason.typeName());
        Protocol::connectionLost(reason);
    }

    testing::Frames got;
    std::function<bool(Option)> agrees = [](Option) { return false; };
    std::function<void(Noting&)> onCall;

private:
    void note(std::string what) {
        got.push_back(std::move(what));
        called();
    }
    void called() {
        if (onCall) {
            onCall(*this);
        }
    }
};

/// The three together, without the reactor that would own them.
class NotingTelnet {
public:
    NotingTelnet() { telnet->makeConnection(transport); }
    NotingTelnet(const NotingTelnet&) = delete;
    NotingTelnet& operator=(const NotingTelnet&) = delete;
    ~NotingTelnet() { lose(ConnectionDone()); }

    void receive(std::string_view text) {
        if (!transport.disconnecting()) {
            testing::feed(*telnet, text);
        }
    }
    void lose(const Failure& reason) {
        if (!std::exchange(lost_, true)) {
            transport.disconnect();
            telnet->connectionLost(reason);
        }
    }
    /// What was sent since the last call.
    std::string sent() {
        std::string all = transport.value();
        transport.clear();
        return all;
    }

    testing::StringTransport transport;
    Ref<Noting> inner = makeRef<Noting>();
    Ref<TelnetTransport> telnet = makeRef<TelnetTransport>(inner);

private:
    bool lost_ = false;
};

/// What a Noting gets, and what is sent, when `text` comes at once; expects the same when it comes
/// byte by byte, and cut in two at every place.
inline testing::Frames everyWay(std::string_view text,
                                const std::function<void(NotingTelnet&)>& prepare = {}) {
    const auto gotFrom = [&](const std::vector<std::string_view>& reads) {
        NotingTelnet wire;
        if (prepare) {
            prepare(wire);
        }
        for (const std::string_view read : reads) {
            wire.receive(read);
        }
        testing::Frames got = wire.inner->got;
        got.push_back("sent " + wire.sent());
        return got;
    };
    const testing::Frames whole = gotFrom({text});
    std::vector<std::string_view> single;
    for (std::size_t at = 0; at < text.size(); ++at) {
        single.push_back(text.substr(at, 1));
    }
    EXPECT_EQ(gotFrom(single), whole) << "byte by byte";
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
        EXPECT_EQ(gotFrom({text.substr(0, cut), text.substr(cut)}), whole) << "cut at " << cut;
    }
    return whole;
}

}  // namespace marline::telnet
