// Protocols of frames that note what they are given, and bytes fed to them in every way.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/protocols/int_n_string_receiver.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/netstring_receiver.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

namespace marline::testing {

using Frames = std::vector<std::string>;

/// A copy of exactly that size, so that a sanitizer sees reads beyond it.
class Read {
public:
    explicit Read(std::string_view text) : bytes_(asBytes(text).begin(), asBytes(text).end()) {}
    operator std::span<const std::byte>() const { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

inline void feed(IProtocol& to, std::string_view text) { to.dataReceived(Read(text)); }

/// Notes lines, and raw bytes behind `raw:`; `onLine` and `onRaw` do what a test wants.
class Lines final : public LineReceiver {
public:
    using LineReceiver::holdFrames;
    using LineReceiver::releaseFrames;

    void lineReceived(std::string_view line) override {
        got.emplace_back(line);
        if (onLine) {
            onLine(*this, line);
        }
    }
    void rawDataReceived(std::span<const std::byte> data) override {
        if (got.empty() || !got.back().starts_with("raw:")) {
            got.emplace_back("raw:");
        }
        got.back() += asText(data);
        if (onRaw) {
            onRaw(*this, asText(data));
        }
    }
    void lineLengthExceeded(std::string_view data) override {
        exceeded.emplace_back(data);
        LineReceiver::lineLengthExceeded(data);
    }

    Frames got;
    Frames exceeded;
    std::function<void(Lines&, std::string_view)> onLine;
    std::function<void(Lines&, std::string_view)> onRaw;
};

/// Notes the strings of a NetstringReceiver or IntNStringReceiver.
template <class Receiver>
class Strings final : public Receiver {
public:
    using Receiver::unparsed;

    void stringReceived(std::string_view string) override {
        got.emplace_back(string);
        if (onString) {
            onString(*this, string);
        }
    }

    Frames got;
    std::function<void(Strings&, std::string_view)> onString;
};

/// A protocol and its transport, without the reactor that would own the two.
template <class P>
class Wire {
public:
    Wire() { protocol->makeConnection(transport); }
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;
    ~Wire() {
        transport.disconnect();
        protocol->connectionLost(ConnectionDone());
    }
    P* operator->() const { return protocol.get(); }

    /// What comes while a real transport would read.
    void receive(std::string_view text) {
        if (!transport.disconnecting()) {
            feed(*protocol, text);
        }
    }

    StringTransport transport;
    Ref<P> protocol = makeRef<P>();
};

/// What a P gets when `bytes` come at once; expects the same when they come byte by byte, and cut
/// in two at every place.
template <class P>
Frames everyWay(std::string_view bytes, const std::function<void(P&)>& prepare = {}) {
    const auto gotFrom = [&](const std::vector<std::string_view>& reads) {
        Wire<P> wire;
        if (prepare) {
            prepare(*wire.protocol);
        }
        for (const std::string_view read : reads) {
            wire.receive(read);
        }
        Frames got = wire->got;
        got.emplace_back(wire.transport.disconnecting() ? "closed" : "open");
        return got;
    };
    const Frames whole = gotFrom({bytes});
    std::vector<std::string_view> single;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        single.push_back(bytes.substr(at, 1));
    }
    EXPECT_EQ(gotFrom(single), whole) << "byte by byte";
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        EXPECT_EQ(gotFrom({bytes.substr(0, cut), bytes.substr(cut)}), whole) << "cut at " << cut;
    }
    return whole;
}

}  // namespace marline::testing
