#include "server_wire.hpp"

#include <marline/deferred/unhandled.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::http::test {
namespace {

std::string loggedErrors;
std::string loggedNotes;

}  // namespace

ServerWire::ServerWire(Ref<Resource> root, SiteOptions options)
    : site_(makeRef<Site>(clock_, std::move(root), std::move(options))),
      protocol_(site_->buildProtocol(transport_.getPeer())) {
    protocol_->makeConnection(transport_);
}

ServerWire::ServerWire(UniqueFunction<Rendered(Request&)> handler, SiteOptions options)
    : ServerWire(Ref<Resource>(makeRef<FunctionResource>(std::move(handler))), std::move(options)) {
}

ServerWire::~ServerWire() {
    if (connected_) {
        disconnect();
    }
    EXPECT_EQ(clock_.pendingCalls(), 0U) << "a connection that is gone leaves no call behind";
}

void ServerWire::send(std::string_view bytes) {
    if (!bytes.empty() && !transport_.paused() && !transport_.disconnecting()) {
        protocol_->dataReceived(asBytes(bytes));
    }
}

void ServerWire::disconnect() {
    connected_ = false;
    transport_.disconnect();
    protocol_->connectionLost(ConnectionDone());
}

std::string ServerWire::take() {
    std::string written = withoutDates(transport_.value());
    transport_.clear();
    return written;
}

std::string ServerWire::exchange(std::string_view bytes) {
    send(bytes);
    return take();
}

std::string wholeAnswer(const Ref<Resource>& root, const std::string& line,
                        const std::string& fields) {
    ServerWire wire(root);
    wire.send(line + " HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n");
    std::string answer = wire.take();
    while (wire.transport().producer() != nullptr &&
           wire.transport().producing() == Producing::Pull) {
        wire.transport().drain();
        answer += wire.take();
    }
    return answer;
}

std::string withoutDates(std::string response) {
    constexpr std::string_view kName = "\r\nDate: ";
    constexpr std::size_t kLength = 29;
    for (std::size_t at = response.find(kName); at != std::string::npos;
         at = response.find(kName, at + 1)) {
        EXPECT_EQ(response.substr(at + kName.size() + kLength - 4, 6), " GMT\r\n");
        response.replace(at + kName.size(), kLength, "D");
    }
    return response;
}

void expectEveryWay(const std::function<Ref<Resource>()>& root, std::string_view input,
                    std::string_view expected) {
    for (std::size_t cut = 0; cut < input.size(); ++cut) {
        ServerWire wire(root());
        wire.send(input.substr(0, cut));
        wire.send(input.substr(cut));
        ASSERT_EQ(wire.take(), expected) << "cut at " << cut;
    }
    ServerWire wire(root());
    for (const char byte : input) {
        wire.send({&byte, 1});
    }
    ASSERT_EQ(wire.take(), expected) << "byte by byte";
}

void ServerTest::SetUp() {
    loggedErrors.clear();
    loggedNotes.clear();
    setLogObserver([](LogLevel level, std::string_view message) noexcept {
        std::string& log = level >= LogLevel::Error ? loggedErrors : loggedNotes;
        log.append(message).append("\n");
    });
    setUnhandledHook(
        [](const UnhandledError& error) noexcept { ADD_FAILURE() << error.describe(); });
}

void ServerTest::TearDown() {
    setLogObserver(nullptr);
    setUnhandledHook(nullptr);
}

const std::string& ServerTest::errors() { return loggedErrors; }
const std::string& ServerTest::notes() { return loggedNotes; }

}  // namespace marline::http::test
