// A test with children of its own.
#pragma once

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/wait.h>

#include <marline/reactor/process.hpp>

#include "test/support/reactor_fixture.hpp"
#include "test/support/recording_process.hpp"

namespace marline::testing {

/// Spawns recorded children, and fails the test when one stays behind or a descriptor does.
class ProcessBed : public ReactorFixture {
protected:
    using Recorder = Ref<RecordingProcess>;

    static Recorder recorder() { return makeRef<RecordingProcess>(); }

    Ref<IProcessTransport> spawn(const Recorder& child, const std::string& executable,
                                 std::vector<std::string> args,
                                 const ProcessOptions& options = {}) {
        args.insert(args.begin(), executable);
        return reactor().spawnProcess(child, executable, args, options);
    }
    Ref<IProcessTransport> shell(const Recorder& child, const std::string& script,
                                 const ProcessOptions& options = {}) {
        return spawn(child, "/bin/sh", {"-c", script}, options);
    }
    void untilEnded(const Recorder& child) {
        runUntil([&] { return child->ended.has_value(); });
    }
    /// Runs a script to its end.
    Recorder ran(const std::string& script, const ProcessOptions& options = {}) {
        Recorder child = recorder();
        shell(child, script, options);
        untilEnded(child);
        return child;
    }
    static std::size_t openFds() {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
            static_cast<void>(entry);
            ++count;
        }
        return count;
    }
    /// True when this process has a child, living or dead.
    static bool hasChildren() {
        siginfo_t info{};
        return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    }

    void SetUp() override {
        reactor().iterate();
        fdsBefore_ = openFds();
    }
    void TearDown() override {
        EXPECT_FALSE(hasChildren()) << "a child is still there";
        EXPECT_EQ(openFds(), fdsBefore_) << "descriptors were left open";
        ReactorFixture::TearDown();
    }
    /// For a test that drops the reactor itself: `fdsOfOne` descriptors are gone with it.
    void dropped(std::size_t fdsOfOne) { fdsBefore_ -= fdsOfOne; }

private:
    std::size_t fdsBefore_ = 0;
};

}  // namespace marline::testing
