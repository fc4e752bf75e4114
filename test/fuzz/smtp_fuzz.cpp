// Fuzzes mail: whatever a client or a server says, in whatever reads, is answered the same; every
// message that is taken comes to an end once, and every message that is sent.
#include <cstdlib>
#include <string>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/protocols/policies/protocol_wrapper.hpp>
#include <marline/protocols/smtp/send_mail.hpp>
#include <marline/protocols/smtp/smtp_factory.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>
#include <marline/reactor/tls_connection.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/deliver.hpp>
#include <test/fuzz/demand.hpp>
#include <test/fuzz/string_endpoint.hpp>
#include <test/protocols/smtp/recorded_mail.hpp>

namespace {

using namespace marline;
using marline::testing::demand;
using marline::testing::Later;

/// Says that a connection is under TLS: AUTH is for those only.
class AsUnderTls final : public ProtocolWrapper, private ITlsConnection {
public:
    using ProtocolWrapper::ProtocolWrapper;

    const ITlsConnection* tls() const noexcept override { return this; }

private:
    std::optional<TlsCertificate> getPeerCertificate() const override { return std::nullopt; }
    std::string_view negotiatedProtocol() const noexcept override { return {}; }
    std::string_view serverName() const noexcept override { return {}; }
    std::string_view version() const noexcept override { return "TLSv1.3"; }
    std::string_view cipher() const noexcept override { return {}; }
    bool resumed() const noexcept override { return false; }
};

/// A server of which much comes later.
struct Served {
    Served(const smtp::SmtpLimits& limits, bool later, bool auth) {
        delivery->onEnd = [this, later] {
            return ends.answer(true, later).addCallback([](bool) {});
        };
        smtp::SmtpOptions options{.host = "h", .limits = limits};
        if (auth) {
            options.checkCredentials = [this, later](const smtp::SmtpCredentials& who) {
                demand(!who.user.empty(), "nobody is nobody");
                return checks.answer(who.password == "p", later);
            };
        }
        server = makeRef<AsUnderTls>(
            makeRef<smtp::SmtpFactory>(clock, delivery, std::move(options))->buildProtocol({}));
        server->makeConnection(transport);
    }
    /// Lets come what is waited for, until the server reads again.
    void settle() {
        for (bool more = true; more;) {
            more = ends.finish();
            more = checks.finish() || more;
            if (delivery->waiting && delivery->waiting->pending()) {
                DeferredSource<> waiting = std::move(*delivery->waiting);
                delivery->waiting.reset();
                waiting.callback();
                more = true;
            }
        }
    }

    testing::Clock clock;
    testing::StringTransport transport;
    Ref<smtp::RecordingDelivery> delivery = makeRef<smtp::RecordingDelivery>();
    Later<bool> ends;
    Later<bool> checks;
    Ref<AsUnderTls> server;
};

std::string serverTranscript(const std::vector<std::string_view>& reads,
                             const smtp::SmtpLimits& limits, unsigned choice) {
    Served served(limits, choice % 2 == 1, choice / 2 % 2 == 1);
    testing::StringTransport& transport = served.transport;
    for (const std::string_view read : reads) {
        if (transport.disconnecting()) {
            break;
        }
        marline::testing::deliver(*served.server, read);
        served.settle();
        demand(!transport.paused() || transport.disconnecting(), "it reads when it waits no more");
    }
    std::string text = transport.value() + (transport.closed() ? "closed" : "open");
    transport.disconnect();
    served.server->connectionLost(ConnectionDone());
    for (const smtp::SmtpSession& session : served.delivery->sessions) {
        text.append(session.user).append("@").append(session.helo).append(" ");
    }
    for (const smtp::RecordedMail& mail : served.delivery->mail) {
        text.append(mail.from).append(mail.to).append(mail.text).append(mail.whole ? "!" : "?");
        demand(mail.whole != mail.lost, "a message comes to an end once");
        demand(mail.text.find('\r') == std::string::npos, "a line is a line");
    }
    demand(served.clock.pendingCalls() == 0, "no timer stays behind");
    return text;
}

std::string clientTranscript(const std::vector<std::string_view>& reads) {
    testing::Clock clock;
    testing::StringTransport transport;
    testing::StringEndpoint endpoint(transport);
    std::string outcome;
    smtp::sendMail(clock, endpoint, "a@b", {"c@d", "e@f"}, "Subject: x\n\n.\n..y\n",
                   {.tls = smtp::SmtpTls::None})
        .addBoth([&](const Result<smtp::SmtpSent>& sent) {
            outcome = sent.ok() ? "sent " + std::to_string(sent.value().accepted()) + ' ' +
                                      sent.value().text
                                : sent.failure().typeName();
        });
    for (const std::string_view read : reads) {
        if (transport.disconnecting()) {
            break;
        }
        marline::testing::deliver(*endpoint.protocol, read);
    }
    std::string text = transport.value() + (transport.disconnecting() ? "closed" : "open");
    transport.disconnect();
    endpoint.protocol->connectionLost(ConnectionDone());
    demand(!outcome.empty(), "it comes to an end");
    demand(clock.pendingCalls() == 0, "no timer stays behind");
    return text + outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
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
    const unsigned side = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed, [&](const std::vector<std::string_view>& reads) {
            return side % 5 == 4 ? clientTranscript(reads)
                                 : serverTranscript(reads, limits, side % 5);
        });
    return 0;
}
