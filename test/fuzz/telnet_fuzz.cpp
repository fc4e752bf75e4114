// Fuzzes Telnet: whatever comes, in whatever reads, means the same; and data that one end sends the
// other gets as it was.
#include <string>
#include <vector>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>
#include <test/protocols/telnet/telnet_wire.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

void prepare(telnet::NotingTelnet& wire, unsigned choice) {
    wire.inner->agrees = [](telnet::Option option) { return static_cast<int>(option) % 2 == 0; };
    if (choice % 2 == 1) {
        wire.telnet->setMaxSubnegotiation(choice / 2);
    }
    if (choice % 8 < 4) {
        return;
    }
    // This end has asked for something already.
    telnet::Noting& notes = *wire.inner;
    const auto note = [&notes](const char* what) {
        return [&notes, what](const Result<>& answer) {
            notes.got.push_back(what + (answer.ok() ? " yes" : answer.failure().typeName()));
        };
    };
    wire.telnet->willOption(telnet::Option::Echo).addBoth(note("echo"));
    wire.telnet->doOption(telnet::Option::Naws).addBoth(note("naws"));
    wire.telnet->dontOption(telnet::Option::Naws).addBoth(note("no naws"));
}

std::string transcript(const std::vector<std::string_view>& reads, unsigned choice) {
    telnet::NotingTelnet wire;
    prepare(wire, choice);
    std::string end = "open";
    try {
        for (const std::string_view read : reads) {
            wire.receive(read);
        }
    } catch (const telnet::ProtocolError&) {
        end = "refused";
    }
    end += wire.sent();
    wire.lose(ConnectionDone());
    std::string text;
    for (const std::string& one : wire.inner->got) {
        text.append(one).append("|");
    }
    return text + end;
}

/// What the other end gets when this one writes `text`.
std::string passedOn(std::string_view text) {
    telnet::NotingTelnet from;
    telnet::NotingTelnet to;
    from.telnet->write(text);
    to.receive(from.sent());
    demand(to.sent().empty(), "data is no negotiation");
    demand(to.inner->got.size() <= 1, "data is nothing else");
    return to.inner->got.empty() ? std::string() : to.inner->got[0].substr(5);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    const unsigned seed = input.takeByte();
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed,
        [&](const std::vector<std::string_view>& reads) { return transcript(reads, choice); });
    demand(passedOn(input.rest()) == input.rest(), "data arrives as it was sent");
    return 0;
}
