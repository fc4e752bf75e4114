// The snippets of docs/howto/processes.md, and what the page says of them.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <marline/marline.hpp>

#include "test/guide/printed.hpp"
#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

using namespace marline;

namespace {

using test::outcomeOf;
using test::runUntil;

// What two programs print: one in a folder, one with an input.
TEST(GuideProcesses, output) {
    const test::TempFolder temporary;
    temporary.write("a", "");
    temporary.write("b", "");
    const std::string folder = temporary.path();
    Reactor reactor;
    const test::Printed printed;
    getProcessOutput(reactor, "/bin/ls", {"-1"}, {.path = folder})
        .addCallback([](const std::string& names) { std::cout << names; });
    runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "a\nb\n");

    std::string out;
    const auto use = [&](const std::string& text, const std::string& err, int code) {
        out = text + err + std::to_string(code);
    };
    getProcessOutputAndValue(reactor, "sort", {}, {.input = "b\na\n"})
        .addCallback(
            [&](const ProcessOutput& sorted) { use(sorted.out, sorted.err, sorted.code); });
    runUntil(reactor, [&] { return !out.empty(); });
    EXPECT_EQ(out, "a\nb\n0");
}

// The errors that the page names, and the empty environment.
TEST(GuideProcesses, whatGoesWrong) {
    Reactor reactor;
    const auto failureOf = [&](auto deferred) { return outcomeOf(reactor, deferred).failure(); };
    const std::vector<std::string> complain{"-c", "echo no >&2"};
    EXPECT_NE(
        failureOf(getProcessOutput(reactor, "/bin/sh", complain)).check<UnexpectedErrorOutput>(),
        nullptr);
    EXPECT_EQ(outcomeOf(reactor, getProcessOutput(reactor, "/bin/sh", complain, {.errorToo = true}))
                  .value(),
              "no\n");
    const std::vector<std::string> die{"-c", "kill -TERM $$"};
    EXPECT_NE(
        failureOf(getProcessOutputAndValue(reactor, "/bin/sh", die)).check<ProcessSignalled>(),
        nullptr);
    EXPECT_NE(failureOf(getProcessOutput(reactor, "/nowhere/at/all")).check<SpawnError>(), nullptr);
    EXPECT_EQ(outcomeOf(reactor, getProcessOutput(reactor, "env")).value(), "");
}

// Every file is packed.
TEST(GuideProcesses, pool) {
    const test::TempFolder folder;
    std::vector<std::string> files;
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
        files.push_back(folder.write(name, name));
    }
    Reactor reactor;
    std::vector<Deferred<ProcessOutput>> done;
    ProcessPool pool(reactor, {.maxProcesses = 4});
    for (const std::string& file : files) {
        done.push_back(pool.run("gzip", {"-9", file}, {.env = std::nullopt}));
    }
    EXPECT_EQ(pool.running(), 4U);
    EXPECT_EQ(pool.waiting(), 2U);
    for (auto& one : done) {
        EXPECT_EQ(outcomeOf(reactor, std::move(one)).value().code, 0);
    }
    EXPECT_TRUE(std::filesystem::exists(files.at(5) + ".gz"));
}

class Counter : public ProcessProtocol {
public:
    void connectionMade() override {
        transport()->write("one\ntwo\n");
        transport()->closeStdin();  // behind what was written
    }
    void outReceived(std::span<const std::byte> data) override { out_ += asText(data); }
    void processEnded(const Failure& reason) override {  // the last call
        reason.trap<ProcessDone>();                      // exit code 0; anything else is logged
        std::cout << out_;
    }

private:
    std::string out_;
};

// A child gets two lines, and counts them.
TEST(GuideProcesses, aConversation) {
    Reactor reactor;
    const test::Printed printed;
    // with argv[0], as in Twisted
    reactor.spawnProcess(makeRef<Counter>(), "/usr/bin/wc", {"wc", "-l"});
    runUntil(reactor, [&] { return !printed.text().empty(); });
    EXPECT_EQ(printed.text(), "2\n");
}

// A file that is written is told of, also in a folder that came later.
TEST(GuideProcesses, filesThatChange) {
    const test::TempFolder temporary;
    const std::string folder = temporary.path();
    Reactor reactor;
    std::string reloaded;
    bool all = false;
    const auto reload = [&](const std::string& path) { reloaded = path; };
    const auto reloadAll = [&] { all = true; };
    Inotify inotify(reactor);
    inotify.watch(folder, FileChange::ClosedWritten | FileChange::MovedTo,
                  [&](const FileEvent& event) {
                      if (event.what & FileChange::Overflow) {
                          reloadAll();  // events were lost
                      } else {
                          reload(event.path);
                      }
                  },
                  {.recursive = true});
    std::filesystem::create_directory(temporary / "sub");
    runUntil(reactor, [&] { return inotify.watching(temporary / "sub"); });
    temporary.write("sub/settings", "x");
    runUntil(reactor, [&] { return !reloaded.empty(); });
    EXPECT_EQ(reloaded, temporary / "sub/settings");
    EXPECT_FALSE(all);
}

/// A socket that hears what a service says of itself, as systemd does, and the environment that
/// leads to it.
class Manager {
public:
    explicit Manager(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
        ::setenv("WATCHDOG_USEC", "30000000", 1);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    ~Manager() {
        ::unsetenv("NOTIFY_SOCKET");
        ::unsetenv("WATCHDOG_USEC");
    }

    /// The next message; empty when there is none.
    std::string next() const {
        char text[256];
        const ssize_t got = ::recv(fd_.get(), text, sizeof text, MSG_DONTWAIT);
        return {text, static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    }

private:
    UniqueFd fd_;
};

// Without a socket of systemd's none is served; systemd hears that the service has started.
TEST(GuideProcesses, systemd) {
    const test::TempFolder folder;
    const Manager manager(folder / "notify");
    Reactor reactor;
    int served = 0;
    const auto serve = [&](int) { ++served; };
    const ListenFds given = ListenFds::fromEnvironment();  // sockets of the .socket unit
    if (const auto fd = given.named("http")) {
        serve(*fd);
    }
    SystemdNotifier systemd = SystemdNotifier::fromEnvironment();
    reactor.callWhenRunning([&] { systemd.ready(); });  // Type=notify
    systemd.startWatchdog(reactor);                     // WatchdogSec=
    reactor.callWhenRunning([&] { reactor.stop(); });
    reactor.run();
    EXPECT_EQ(served, 0);
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    EXPECT_EQ(manager.next(), "READY=1");
}

}  // namespace
