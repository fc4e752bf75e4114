// A server with a way in: `debug_shell PATH` echoes lines on a TCP port and listens for
// `socat - UNIX:PATH` besides; `debug_shell` alone asks itself a few things.
#include <cstdint>
#include <iostream>
#include <string>

#include <unistd.h>

#include <marline/marline.hpp>

#include <marline/protocols/debug_shell.hpp>

using namespace marline;

namespace {

/// What the server does, and may be told to do otherwise.
struct Echoing {
    std::uint64_t lines = 0;
    std::string prefix;
};

class Echo : public LineOnlyReceiver {
public:
    explicit Echo(Echoing& state) : state_(state) {}

private:
    void lineReceived(std::string_view line) override {
        ++state_.lines;
        sendLine(state_.prefix + std::string(line));
    }

    Echoing& state_;
};

Ref<DebugShell> makeShell(Reactor& reactor, Echoing& state) {
    auto shell = makeRef<DebugShell>(reactor);
    shell->addCommand("lines", "how many lines were echoed",
                      [&](const DebugShell::Arguments&) { return std::to_string(state.lines); });
    shell->addCommand(
        "prefix", "TEXT: what stands before each echo from now on",
        [&](const DebugShell::Arguments& words) { state.prefix = words.at(0) + ' '; });
    return shell;
}

/// Types a few commands, as socat would, and shows what comes.
class Visitor : public LineOnlyReceiver {
public:
    explicit Visitor(Reactor& reactor) : reactor_(reactor) { setDelimiter("\n"); }

private:
    void connectionMade() override { transport()->write("lines\nprefix\nprefix >\nquit\n"); }
    void lineReceived(std::string_view line) override { std::cout << line << '\n'; }
    void connectionLost(const Failure&) override { reactor_.stop(); }

    Reactor& reactor_;
};

}  // namespace

int main(int argc, char** argv) {
    Reactor reactor;
    Echoing state;
    const auto port =
        reactor.listenTcp(0, factoryOf([&](const Address&) { return makeRef<Echo>(state); }),
                          {.interface = "127.0.0.1"});
    const bool serves = argc > 1;
    const std::string path = serves ? argv[1] : "@debug-shell." + std::to_string(::getpid());
    const auto way = makeShell(reactor, state)->listen(path);
    if (serves) {
        std::cout << "echoing on " << port->getHost().toString() << std::endl;
    } else {
        reactor.connectUnix(path,
                            factoryOf([&](const Address&) { return makeRef<Visitor>(reactor); }));
    }
    reactor.run();
}
