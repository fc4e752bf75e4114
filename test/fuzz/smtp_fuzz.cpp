// Fuzzes the mail server: whatever a client says, in whatever reads, is answered the same, and
// every message comes to an end once.
#include <cstdlib>
#include <string>
#include <vector>

#include <marline/protocols/smtp/smtp_factory.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/protocols/smtp/recorded_mail.hpp>

namespace {

using namespace marline;

std::string transcript(const std::vector<std::string_view>& reads, const smtp::SmtpLimits& limits) {
    testing::Clock clock;
    testing::StringTransport transport;
    const auto delivery = makeRef<smtp::RecordingDelivery>();
    const auto factory = makeRef<smtp::SmtpFactory>(
        clock, delivery, smtp::SmtpOptions{.host = "h", .limits = limits});
    const Ref<IProtocol> server = factory->buildProtocol({});
    server->makeConnection(transport);
    for (const std::string_view read : reads) {
        if (transport.disconnecting()) {
            break;
        }
        const std::vector<std::byte> exact(asBytes(read).begin(), asBytes(read).end());
        server->dataReceived(exact);
    }
    std::string text = transport.value() + (transport.closed() ? "closed" : "open");
    transport.disconnect();
    server->connectionLost(ConnectionDone());
    for (const smtp::RecordedMail& mail : delivery->mail) {
        text.append(mail.from).append(mail.to).append(mail.text).append(mail.whole ? "!" : "?");
        if (mail.whole == mail.lost || mail.text.find('\r') != std::string::npos) {
            std::abort();
        }
    }
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::Chooser input(data, size);
    smtp::SmtpLimits limits;
    if (const unsigned choice = input.takeByte(); choice % 2 == 1) {
        limits.commandLine = 16 + choice;
        limits.textLine = choice / 4;
        limits.messageBytes = choice;
        limits.recipients = choice / 64;
        limits.refusals = 1 + choice / 16;
    }
    const unsigned seed = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed,
        [&](const std::vector<std::string_view>& reads) { return transcript(reads, limits); });
    return 0;
}
