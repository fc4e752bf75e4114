// Two recorders, connected over TCP, over a UNIX socket, or in memory.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/memory_reactor.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

namespace marline::test {

enum class StreamKind { Tcp, Unix, Memory };

/// For the names of tests with a kind.
inline std::string nameOf(StreamKind kind) {
    switch (kind) {
    case StreamKind::Tcp: return "Tcp";
    case StreamKind::Unix: return "Unix";
    case StreamKind::Memory: break;
    }
    return "Memory";
}

/// A port and a client of the kind; the client connects when connect() is called.
class StreamPair {
public:
    explicit StreamPair(StreamKind kind) : kind_(kind), reactor_(makeReactor(kind)) {
        port = listen(recorderFactory(server));
    }

    Ref<IListeningPort> listen(Ref<IProtocolFactory> factory) {
        return kind_ == StreamKind::Unix
                   ? reactor.listenUnix(folder_ / std::to_string(++ports_), std::move(factory))
                   : reactor.listenTcp(0, std::move(factory), {.interface = "127.0.0.1"});
    }
    Deferred<Ref<IProtocol>> connectTo(const Ref<IListeningPort>& to,
                                       Ref<IProtocolFactory> factory) {
        return kind_ == StreamKind::Unix
                   ? reactor.connectUnix(to->getHost().host, std::move(factory))
                   : reactor.connectTcp(to->getHost(), std::move(factory));
    }
    void connect() {
        EXPECT_TRUE(outcomeOf(reactor, connectTo(port, recorderFactory(client))).ok());
        runUntil(reactor, [&] { return !server->events.empty(); });
    }
    template <class Done>
    void until(Done&& done) {
        runUntil(reactor, std::forward<Done>(done));
    }
    void untilBothLost() {
        until([this] { return server->lost && client->lost; });
    }
    /// Turns in which nothing is to happen.
    void turns() {
        for (int i = 0; i < 5; ++i) {
            reactor.iterate(std::chrono::milliseconds(1));
        }
    }

    std::shared_ptr<Record> server = std::make_shared<Record>();
    std::shared_ptr<Record> client = std::make_shared<Record>();

private:
    static std::unique_ptr<Reactor> makeReactor(StreamKind kind) {
        if (kind == StreamKind::Memory) {
            return std::make_unique<testing::MemoryReactor>(
                testing::MemoryReactorOptions{.connects = true});
        }
        return std::make_unique<Reactor>();
    }

    StreamKind kind_;
    TempFolder folder_;
    int ports_ = 0;
    std::unique_ptr<Reactor> reactor_;

public:
    Reactor& reactor = *reactor_;
    Ref<IListeningPort> port;
};

}  // namespace marline::test
