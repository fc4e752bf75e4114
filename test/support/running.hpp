// Runs a reactor in a test until something has happened.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/deferred/deferred.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::test {

/// Turns the reactor until `done()`; a test that takes longer than 10 s fails instead of hanging.
inline void runUntil(Reactor& reactor, const std::function<bool()>& done) {
    bool late = false;
    DelayedCall guard = reactor.callLater(std::chrono::seconds(10), [&] { late = true; });
    while (!done() && !late) {
        reactor.iterate(std::chrono::seconds(10));
    }
    EXPECT_FALSE(late) << "what the test waits for did not happen within 10 s";
    if (guard.active()) {
        guard.cancel();
    }
}

/// Turns the reactor until `d` has its result, and gives it.
template <class T>
Result<T> outcomeOf(Reactor& reactor, Deferred<T> d) {
    std::optional<Result<T>> result;
    d.addBoth([&](Result<T> outcome) { result.emplace(std::move(outcome)); });
    runUntil(reactor, [&] { return result.has_value(); });
    return result ? std::move(*result) : Result<T>(Failure::make<std::logic_error>("no outcome"));
}

/// What a Recorder saw.
struct Record {
    std::string received;
    std::vector<std::string> events;
    ITransport* transport = nullptr;
    Protocol* protocol = nullptr;
    std::optional<Failure> lost;
    bool halfClose = false;
    std::function<void(ITransport&)> onMade;
    std::function<void(ITransport&, std::string_view)> onData;
    std::function<void(ITransport&)> onReadLost;
    std::function<void(ITransport&)> onWriteLost;
    std::function<void(ITransport&)> onLost;
};

/// Notes everything that happens on a connection, and does what the record says.
class Recorder final : public Protocol {
public:
    explicit Recorder(std::shared_ptr<Record> record) : record_(std::move(record)) {}

    void connectionMade() override {
        record_->transport = transport();
        record_->protocol = this;
        record_->events.emplace_back("made");
        if (record_->onMade) {
            record_->onMade(*transport());
        }
    }
    void dataReceived(std::span<const std::byte> data) override {
        record_->received += asText(data);
        if (record_->onData) {
            record_->onData(*transport(), asText(data));
        }
    }
    void connectionLost(const Failure& reason) override {
        record_->events.push_back("lost " + reason.typeName());
        record_->lost = reason;
        record_->transport = nullptr;
        if (record_->onLost) {
            record_->onLost(*transport());
        }
        record_->protocol = nullptr;
        Protocol::connectionLost(reason);
    }
    bool wantsHalfClose() const noexcept override { return record_->halfClose; }
    void readConnectionLost() override {
        record_->events.emplace_back("read lost");
        if (record_->onReadLost) {
            record_->onReadLost(*transport());
        }
    }
    void writeConnectionLost() override {
        record_->events.emplace_back("write lost");
        if (record_->onWriteLost) {
            record_->onWriteLost(*transport());
        }
    }

private:
    std::shared_ptr<Record> record_;
};

inline Ref<IProtocolFactory> recorderFactory(const std::shared_ptr<Record>& record) {
    return makeFactory<Recorder>(record);
}

/// Two recorders, connected over loopback TCP.
class Pair {
public:
    Pair() { port = reactor.listenTcp(0, recorderFactory(server), {.interface = "127.0.0.1"}); }
    void connect() {
        const auto made =
            outcomeOf(reactor, reactor.connectTcp(port->getHost(), recorderFactory(client)));
        EXPECT_TRUE(made.ok());
        runUntil(reactor, [&] { return !server->events.empty(); });
    }

    std::shared_ptr<Record> server = std::make_shared<Record>();
    std::shared_ptr<Record> client = std::make_shared<Record>();
    Reactor reactor;
    Ref<IListeningPort> port;
};

/// While it lives, log lines of the process are kept here.
class CatchLog {
public:
    CatchLog() : before_(setLogObserver(&keep)) { lines().clear(); }
    CatchLog(const CatchLog&) = delete;
    CatchLog& operator=(const CatchLog&) = delete;
    ~CatchLog() { setLogObserver(before_); }

    std::vector<std::string> take() { return std::exchange(lines(), {}); }

private:
    static std::vector<std::string>& lines() {
        static std::vector<std::string> all;
        return all;
    }
    static void keep(LogLevel, std::string_view message) noexcept { lines().emplace_back(message); }

    LogObserver before_;
};

}  // namespace marline::test
