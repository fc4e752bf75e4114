// The finger server of Twisted's tutorial: `finger` alone tries itself, `finger ENDPOINT` serves.
#include <iostream>
#include <map>
#include <string>

#include <marline/marline.hpp>
#include <marline/reactor/endpoint_strings.hpp>

using namespace marline;
using namespace std::chrono_literals;

namespace {

/// What a user is doing; a Deferred, as it would be with a data base.
Deferred<std::string> getUser(const std::string& user) {
    static const std::map<std::string, std::string> users = {{"moshez", "Happy and well"},
                                                             {"shawn", "Working on it"}};
    const auto found = users.find(user);
    return succeed(found != users.end() ? found->second : std::string("No such user"));
}

/// One query, one answer (RFC 1288); who does not ask within ten seconds is let go.
class FingerProtocol : public TimeoutMixin<LineOnlyReceiver> {
public:
    explicit FingerProtocol(Reactor& reactor) : TimeoutMixin(reactor) { setMaxLength(256); }

private:
    void connectionMade() override { setTimeout(10s); }
    void lineReceived(std::string_view user) override {
        const Ref<FingerProtocol> self(this);
        getUser(std::string(user)).addBoth([self](const Result<std::string>& status) {
            if (self->transport() != nullptr) {
                self->sendLine(status.ok() ? status.value() : "Internal error in server");
                self->transport()->loseConnection();
            }
        });
    }
};

/// Asks for one user and shows the first line that comes.
class FingerClient : public LineOnlyReceiver {
public:
    explicit FingerClient(Reactor& reactor) : reactor_(reactor) {}

private:
    void connectionMade() override { sendLine("moshez"); }
    void lineReceived(std::string_view status) override {
        std::cout << status << '\n';
        reactor_.stop();
    }

    Reactor& reactor_;
};

Ref<IProtocolFactory> fingerFactory(Reactor& reactor) {
    auto each = factoryOf([&](const Address&) { return makeRef<FingerProtocol>(reactor); });
    return makeRef<LimitConnectionsByPeer>(std::move(each), 20);
}

}  // namespace

int main(int argc, char** argv) {
    Reactor reactor;
    if (argc > 1) {
        serverFromString(reactor, argv[1])
            ->listen(fingerFactory(reactor))
            .addErrback([&reactor](const Failure& why) {
                std::cerr << why.message() << '\n';
                reactor.callWhenRunning([&reactor] { reactor.stop(); });
                return Ref<IListeningPort>();
            });
    } else {
        const auto port = reactor.listenTcp(0, fingerFactory(reactor), {.interface = "127.0.0.1"});
        reactor.connectTcp(port->getHost(), factoryOf([&reactor](const Address&) {
                               return makeRef<FingerClient>(reactor);
                           }));
    }
    reactor.run();
}
