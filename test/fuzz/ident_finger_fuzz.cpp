// Fuzzes both sides of ident and finger: whatever is said, in whatever reads, is answered the same,
// in lines that no user can break.
#include <string>
#include <vector>

#include <marline/protocols/finger/finger.hpp>
#include <marline/protocols/ident/ident.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/deliver.hpp>
#include <test/fuzz/demand.hpp>
#include <test/fuzz/string_endpoint.hpp>

namespace {

using namespace marline;
using marline::testing::demand;
using marline::testing::Later;
using marline::testing::StringEndpoint;

/// Brings reads to `protocol` as a transport would, then the end; `settle` is called between.
template <class Settle>
std::string feed(testing::StringTransport& transport, IProtocol& protocol,
                 const std::vector<std::string_view>& reads, Settle settle) {
    for (const std::string_view read : reads) {
        if (transport.disconnecting() || transport.paused()) {
            break;
        }
        marline::testing::deliver(protocol, read);
        settle();
    }
    std::string text = transport.value();
    text += transport.aborted() ? "aborted" : transport.closed() ? "closed" : "open";
    transport.disconnect();
    protocol.connectionLost(ConnectionDone());
    return text;
}

void checkLines(std::string_view answer) {
    while (!answer.empty()) {
        const std::size_t end = answer.find("\r\n");
        demand(end != std::string_view::npos, "a line ends with CRLF");
        demand(answer.substr(0, end).find_first_of(std::string_view("\r\n\0", 3)) ==
                   std::string_view::npos,
               "no line in a line");
        answer.remove_prefix(end + 2);
    }
}

std::string identServer(const std::vector<std::string_view>& reads) {
    testing::Clock clock;
    testing::StringTransport transport;
    Later<ident::IdentReply> waiting;
    const Ref<IProtocol> server =
        ident::identFactory(clock, [&](ident::IdentQuery query) {
            demand(query.portOnServer != 0 && query.portOnClient != 0, "a port is a port");
            if (query.portOnServer == 1) {
                return fail<ident::IdentReply>(ident::HiddenUser());
            }
            return waiting.answer({"UNIX", "a\r\nb"}, query.portOnServer % 2 == 0);
        })->buildProtocol({});
    server->makeConnection(transport);
    const std::string text = feed(transport, *server, reads, [&waiting] {
        while (waiting.finish()) {
        }
    });
    checkLines(transport.value());
    demand(clock.pendingCalls() == 0, "no timer stays behind");
    return text;
}

std::string fingerServer(const std::vector<std::string_view>& reads) {
    testing::Clock clock;
    testing::StringTransport transport;
    Later<std::string> waiting;
    const Ref<IProtocol> server =
        finger::fingerFactory(clock, [&](finger::FingerQuery query) {
            demand(query.user.size() <= finger::kMaxQuery, "kMaxQuery");
            const bool later = query.user.size() % 2 == 1;
            return waiting.answer((query.wide ? "wide " : "") + query.user, later);
        })->buildProtocol({});
    server->makeConnection(transport);
    const std::string text = feed(transport, *server, reads, [&waiting] {
        while (waiting.finish()) {
        }
    });
    checkLines(transport.value());
    demand(clock.pendingCalls() == 0, "no timer stays behind");
    return text;
}

std::string identClient(const std::vector<std::string_view>& reads) {
    testing::Clock clock;
    testing::StringTransport transport;
    StringEndpoint endpoint(transport);
    std::string outcome;
    ident::lookup(clock, endpoint, 6191, 23).addBoth([&](const Result<ident::IdentReply>& reply) {
        outcome = reply.ok() ? reply.value().system + '|' + reply.value().user
                             : reply.failure().typeName();
    });
    const std::string text = feed(transport, *endpoint.protocol, reads, [] {});
    demand(!outcome.empty(), "it comes to an end");
    return text + outcome;
}

std::string fingerClient(const std::vector<std::string_view>& reads) {
    testing::Clock clock;
    testing::StringTransport transport;
    StringEndpoint endpoint(transport);
    std::string outcome;
    finger::lookup(clock, endpoint, {.user = "me", .wide = true})
        .addBoth([&](const Result<std::string>& answer) {
            outcome = answer.ok() ? "said " + answer.value() : answer.failure().typeName();
        });
    const std::string text = feed(transport, *endpoint.protocol, reads, [] {});
    demand(!outcome.empty(), "it comes to an end");
    return text + outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    const unsigned seed = input.takeByte();
    constexpr std::string (*kSides[])(const std::vector<std::string_view>&) = {
        &identServer, &fingerServer, &identClient, &fingerClient};
    marline::testing::expectTheSameFromEveryCut(input.rest(), seed, kSides[choice % 4]);
    return 0;
}
