// A program of another make that a test speaks with.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/protocols/process_protocol.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/process.hpp>
#include <marline/reactor/process_output.hpp>
#include <marline/reactor/reactor.hpp>

#include <test/support/reactor_fixture.hpp>

namespace marline::testing {

/// What a program has printed so far, and whether it runs.
class PeerOutput final : public ProcessProtocol {
public:
    void outReceived(std::span<const std::byte> data) override { text += asText(data); }
    void errReceived(std::span<const std::byte> data) override { text += asText(data); }
    void processEnded(const Failure&) override { ended = true; }

    std::string text;
    bool ended = false;
};

/// Runs other programs, and skips the test when they are not installed.
class InteropTest : public ReactorFixture {
protected:
    /// The path of `program`, searched for in PATH and where Debian puts daemons; empty when it is
    /// not there.
    static std::string find(const std::string& program) {
        const char* const path = std::getenv("PATH");
        std::string folders = path != nullptr ? path : "";
        folders += ":/usr/sbin:/usr/bin";
        for (std::size_t at = 0; at <= folders.size();) {
            const std::size_t end = std::min(folders.find(':', at), folders.size());
            const std::string file = folders.substr(at, end - at) + "/" + program;
            if (std::filesystem::exists(file)) {
                return file;
            }
            at = end + 1;
        }
        return {};
    }

    /// Starts a program with this process's environment.
    Ref<PeerOutput> start(const std::string& program, std::vector<std::string> args) {
        args.insert(args.begin(), program);
        auto output = makeRef<PeerOutput>();
        process_ = reactor().spawnProcess(output, program, args, {.env = std::nullopt});
        running_ = output;
        return output;
    }

    /// Runs a program to its end; what it printed, its errors too.
    std::string runToEnd(const std::string& program, const std::vector<std::string>& args) {
        const Ref<PeerOutput> output = start(program, args);
        runUntil([&] { return output->ended; });
        return output->text;
    }

    /// A port of 127.0.0.1 that nothing listens at: it was somebody's a moment ago.
    std::uint16_t freePort() {
        const auto port =
            reactor().listenTcp(0, makeFactory<Protocol>(), {.interface = "127.0.0.1"});
        const std::uint16_t number = port->getHost().port;
        bool stopped = false;
        port->stopListening().addBoth([&stopped](const Result<>&) { stopped = true; });
        runUntil([&] { return stopped; });
        return number;
    }

    /// Waits until the program that was started listens at `port` of 127.0.0.1.
    void waitForTcp(std::uint16_t port) {
        const Address there{Address::Kind::Ipv4, port, "127.0.0.1"};
        bool listens = false;
        constexpr int kAttempts = 1000;
        for (int i = 0; i < kAttempts && !listens && !running_->ended; ++i) {
            bool tried = false;
            reactor()
                .connectTcp(there, makeFactory<Protocol>())
                .addBoth([&](const Result<Ref<IProtocol>>& made) {
                    listens = made.ok();
                    if (listens) {
                        static_cast<Protocol&>(*made.value()).transport()->loseConnection();
                    }
                    // The next attempt is a moment later.
                    reactor().callLater(std::chrono::milliseconds(listens ? 0 : 20),
                                        [&tried] { tried = true; });
                });
            runUntil([&] { return tried; });
        }
        ASSERT_TRUE(listens) << "nothing listens at " << there.toString() << ": " << running_->text;
    }

    void TearDown() override {
        if (running_ && !running_->ended) {
            process_->signalProcess("KILL");
            runUntil([this] { return running_->ended; });
        }
        process_.reset();
        running_.reset();
        ReactorFixture::TearDown();
    }

private:
    Ref<IProcessTransport> process_;
    Ref<PeerOutput> running_;
};

}  // namespace marline::testing
