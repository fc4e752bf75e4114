// Fuzzes syslog: whatever comes, in whatever reads, is heard the same; and a message of RFC 5424
// that was read is written so that it is read again.
#include <chrono>
#include <string>
#include <vector>

#include <marline/protocols/syslog/receiver.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/deliver.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

/// Notes what comes, and what is no message.
class Noting final : public syslog::Receiver {
public:
    std::string heard;

private:
    void messageReceived(syslog::Message message, const Address&) override {
        heard += "message " + message.hostName + '|' + message.appName + '|' + message.procId +
                 '|' + message.text + '\n';
    }
    void badMessageReceived(std::string_view data, const Failure& why, const Address&) override {
        demand(marline::testing::isOneLine(why.message()), "an error can be logged");
        heard += "bad " + std::string(data) + '\n';
    }
};

std::string transcript(const std::vector<std::string_view>& reads, std::size_t most) {
    testing::StringTransport transport;
    const auto receiver = makeRef<Noting>();
    receiver->setMaxMessage(most);
    receiver->makeConnection(transport);
    for (const std::string_view read : reads) {
        if (transport.disconnecting()) {
            break;
        }
        marline::testing::deliver(*receiver, read);
    }
    const std::string text = receiver->heard + (transport.closed() ? "closed" : "open");
    transport.disconnect();
    receiver->connectionLost(ConnectionDone());
    return text;
}

/// A zone can move a time out of the years that can be written.
bool canBeWritten(const syslog::Message& message) {
    using namespace std::chrono;
    return !message.time || (*message.time >= sys_days(year(0) / 1 / 1) &&
                             *message.time < sys_days(year(10000) / 1 / 1));
}

void readAgain(std::string_view data) {
    Result<syslog::Message> read = syslog::parseRfc5424(data);
    if (!read.ok() || !canBeWritten(read.value())) {
        return;
    }
    syslog::Message message = std::move(read).value();
    message.utf8 = message.utf8 && !message.text.empty();
    const std::string text = syslog::formatMessage(message, data.size() + 100);
    const Result<syslog::Message> again = syslog::parseRfc5424(text);
    demand(again.ok() && again.value() == message, "what is written is read as it was");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    const unsigned seed = input.takeByte();
    readAgain(input.rest());
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed, [&](const std::vector<std::string_view>& reads) {
            return transcript(reads, choice % 4 == 3 ? choice : syslog::kMaxMessage);
        });
    return 0;
}
