// A chat room: `chat [ENDPOINT]`, then `telnet localhost 8023`. docs/howto/first-server.md builds
// it step by step.
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include <marline/marline.hpp>
#include <marline/reactor/endpoint_strings.hpp>

using namespace marline;
using namespace std::chrono_literals;

namespace {

class Chatter;
using Room = std::map<std::string, Chatter*, std::less<>>;

class Chatter : public TimeoutMixin<LineOnlyReceiver> {
public:
    Chatter(Reactor& reactor, Room& room) : TimeoutMixin(reactor), room_(room) {
        setMaxLength(1024);
    }

private:
    void connectionMade() override {
        setTimeout(10min);
        sendLine("What is your name?");
    }
    void lineReceived(std::string_view line) override {
        resetTimeout();
        if (!name_.empty()) {
            tell(name_ + ": " + std::string(line));
        } else if (!line.empty() && room_.try_emplace(std::string(line), this).second) {
            tell((name_ = line) + " has come.");
        } else {
            sendLine("That name is taken. Another?");
        }
    }
    void connectionLost(const Failure& reason) override {
        if (room_.erase(name_) > 0) {
            tell(name_ + " has gone.");
        }
        TimeoutMixin::connectionLost(reason);
    }
    void tell(const std::string& line) {
        for (const auto& [name, each] : room_) {
            each->sendLine(line);
            if (each->transport()->bytesBuffered() > 256 * 1024) {  // it does not read
                each->transport()->abortConnection();
            }
        }
    }

    Room& room_;
    std::string name_;
};

}  // namespace

int main(int argc, char** argv) {
    Room room;
    Reactor reactor;
    auto each = factoryOf([&](const Address&) { return makeRef<Chatter>(reactor, room); });
    auto few = makeRef<LimitConnectionsByPeer>(std::move(each), 20);
    serverFromString(reactor, argc > 1 ? argv[1] : "tcp:8023:interface=127.0.0.1")
        ->listen(std::move(few))
        .addCallbacks(
            [](const Ref<IListeningPort>& port) {
                std::cout << "listening on " << port->getHost().toString() << std::endl;
            },
            [&reactor](const Failure& why) {
                std::cerr << why.message() << '\n';
                reactor.callWhenRunning([&reactor] { reactor.stop(); });
            });
    reactor.run();
}
