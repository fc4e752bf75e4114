// Telnet: data, commands and subnegotiations, cut anyhow, and their limits.
#include <marline/protocols/telnet/telnet_transport.hpp>

#include <array>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <test/protocols/telnet/telnet_wire.hpp>

namespace marline::telnet {
namespace {

using testing::Frames;

constexpr int kIac = 255;

// RFC 854: an IAC among the data is doubled, CR LF is a new line, and CR NUL a CR.
TEST(TelnetData, decodesWhatComes) {
    EXPECT_EQ(everyWay(std::string("a\r\nb\r\0c", 7) + bytes({kIac, kIac}) + "d\r\n"),
              (Frames{"data a\nb\rc\xff"
                      "d\n",
                      "sent "}));
}

// What no CR may stand before comes as it is; an IAC behind it is a command all the same.
TEST(TelnetData, keepsACrBeforeAnythingElse) {
    EXPECT_EQ(everyWay("a\rb\r\r\nc\r" + bytes({kIac, kIac}) + "d"), (Frames{"data a\rb\r\nc\r\xff"
                                                                             "d",
                                                                             "sent "}));
    EXPECT_EQ(everyWay("a\r" + bytes({kIac, 241}) + "b"),
              (Frames{"data a\r", "command 241", "data b", "sent "}));
}

// Data without anything special is a view of the read: nothing is copied.
TEST(TelnetData, copiesNoPlainData) {
    class Places final : public Protocol {
    public:
        void dataReceived(std::span<const std::byte> data) override { at = data.data(); }
        const std::byte* at = nullptr;
    };
    testing::StringTransport transport;
    const auto inner = makeRef<Places>();
    const auto telnet = makeRef<TelnetTransport>(inner);
    telnet->makeConnection(transport);
    const std::string read = "plain";
    telnet->dataReceived(asBytes(read));
    EXPECT_EQ(inner->at, asBytes(read).data());
    telnet->connectionLost(ConnectionDone());
}

// What writeSequence() brings leaves together.
TEST(TelnetData, writesASequenceAtOnce) {
    NotingTelnet wire;
    wire.telnet->writeSequence(std::array{asBytes("a\n"), asBytes(""), asBytes("b\xff")});
    EXPECT_EQ(wire.transport.writes(), 1U);
    EXPECT_EQ(wire.sent(), "a\r\nb\xff\xff");
}

// Bytes that are brought from inside of a callback would overwrite what that looks at: misuse.
TEST(TelnetData, refusesBytesInsideOfACallback) {
    NotingTelnet wire;
    int refused = 0;
    wire.inner->onCall = [&](Noting& self) {
        self.onCall = nullptr;
        EXPECT_THROW(wire.receive("c"), std::logic_error);
        ++refused;
    };
    wire.receive("a" + bytes({kIac, 246}) + "b");
    EXPECT_EQ(refused, 1);
    EXPECT_EQ(wire.inner->got, (Frames{"data a", "command 246", "data b"}));
    wire.receive("d");
    EXPECT_EQ(wire.inner->got.back(), "data bd");
}

// Every command of RFC 854, and that of RFC 885, comes between the data around it.
TEST(TelnetData, givesCommandsInTheirPlace) {
    for (const int command : {239, 241, 242, 243, 244, 245, 246, 247, 248, 249}) {
        EXPECT_EQ(everyWay("a" + bytes({kIac, command}) + "b"),
                  (Frames{"data a", "command " + std::to_string(command), "data b", "sent "}));
    }
}

// A command that nobody knows is skipped, as is an end of a subnegotiation that was not begun.
TEST(TelnetData, skipsUnknownCommands) {
    EXPECT_EQ(everyWay("a" + bytes({kIac, 7, kIac, 240, kIac, 0}) + "b"),
              (Frames{"data ab", "sent "}));
}

// RFC 855: what stands between SB and SE, with its IACs doubled.
TEST(TelnetData, givesSubnegotiationsUnescaped) {
    EXPECT_EQ(everyWay("a" + bytes({kIac, 250, 31, 0, kIac, kIac, 240, 13, kIac, 240}) + "b"),
              (Frames{"data a", "sub 31 " + bytes({0, 255, 240, 13}), "data b", "sent "}));
    EXPECT_EQ(everyWay(bytes({kIac, 250, 24, kIac, 240})), (Frames{"sub 24 ", "sent "}));
}

// One about nothing is dropped, and so is one that another command cuts off.
TEST(TelnetData, dropsBrokenSubnegotiations) {
    EXPECT_EQ(everyWay(bytes({kIac, 250, kIac, 240}) + "a"), (Frames{"data a", "sent "}));
    EXPECT_EQ(everyWay(bytes({kIac, 250, 31, 1, kIac, 246}) + "a"),
              (Frames{"command 246", "data a", "sent "}));
    EXPECT_EQ(everyWay(bytes({kIac, 250, 31, 1, kIac, 250, 24, 7, kIac, 240})),
              (Frames{"sub 24 \x07", "sent "}));
}

// A subnegotiation of setMaxSubnegotiation() bytes is let in; with one more the connection is
// closed with an error that names the knob.
TEST(TelnetData, limitsSubnegotiations) {
    for (const std::size_t limit : {std::size_t{3}, kMaxSubnegotiation}) {
        NotingTelnet wire;
        EXPECT_EQ(wire.telnet->maxSubnegotiation(), kMaxSubnegotiation);
        wire.telnet->setMaxSubnegotiation(limit);
        const std::string begin = bytes({kIac, 250, 31}) + std::string(limit, 'x');
        wire.receive(begin + bytes({kIac, 240}));
        EXPECT_EQ(wire.inner->got, (Frames{"sub 31 " + std::string(limit, 'x')}));
        wire.receive(begin);
        try {
            wire.receive("x");
            FAIL() << "let in";
        } catch (const ProtocolError& error) {
            EXPECT_EQ(std::string(error.what()),
                      "the telnet peer sent a subnegotiation of more than " +
                          std::to_string(limit) + " bytes (Telnet::setMaxSubnegotiation)");
        }
    }
}

// Data before a subnegotiation that is too long arrives, also when both come in one read.
TEST(TelnetData, givesWhatCameBeforeALimit) {
    NotingTelnet wire;
    wire.telnet->setMaxSubnegotiation(1);
    EXPECT_THROW(wire.receive("before" + bytes({kIac, 250, 31, 1, 2, 3})), ProtocolError);
    EXPECT_EQ(wire.inner->got, (Frames{"data before"}));
}

// What the protocol writes goes out escaped, in one piece or in several.
TEST(TelnetData, encodesWhatIsWritten) {
    NotingTelnet wire;
    ITransport& transport = *wire.telnet;
    transport.write("plain");
    EXPECT_EQ(wire.sent(), "plain");
    transport.write("a\nb\rc\xff");
    EXPECT_EQ(wire.sent(), std::string("a\r\nb\r\0c\xff\xff", 9));
    transport.writeSequence(std::array{asBytes("d"), asBytes("\n")});
    EXPECT_EQ(wire.sent(), "d\r\n");
}

// Whatever is written is what comes at the other end, with all bytes there are.
TEST(TelnetData, comesOutAsItWentIn) {
    std::string all;
    for (int first = 0; first < 256; ++first) {
        for (const int second : {first, 0, 10, 13, 240, 250, 255}) {
            all += bytes({first, second});
        }
    }
    NotingTelnet from;
    from.telnet->write(asBytes(all));
    const std::string sent = from.sent();
    NotingTelnet whole;
    whole.receive(sent);
    EXPECT_EQ(whole.inner->got, (Frames{"data " + all}));
    NotingTelnet single;
    for (const char each : sent) {
        single.receive({&each, 1});
    }
    EXPECT_EQ(single.inner->got, (Frames{"data " + all}));
}

// RFC 856: what is agreed to be binary keeps its CRs and LFs, in that direction only.
TEST(TelnetData, leavesBinaryDataAlone) {
    const auto agree = [](NotingTelnet& wire) { wire.inner->agrees = [](Option) { return true; }; };
    EXPECT_EQ(everyWay("\r\n" + bytes({kIac, 251, 0}) + "\r\n\r" + bytes({kIac, kIac}), agree),
              (Frames{"data \n", "+remote 0", "data \r\n\r\xff", "sent " + bytes({kIac, 253, 0})}));
    NotingTelnet wire;
    agree(wire);
    wire.receive(bytes({kIac, 253, 0}));
    wire.sent();
    wire.telnet->write(asBytes("\r\n\xff"));
    EXPECT_EQ(wire.sent(), "\r\n\xff\xff");
    wire.receive("\r\n");
    EXPECT_EQ(wire.inner->got, (Frames{"+local 0", "data \n"}));
}

// Commands and subnegotiations are sent escaped; what is no command of its own is misuse.
TEST(TelnetData, sendsCommandsAndSubnegotiations) {
    NotingTelnet wire;
    wire.telnet->sendCommand(Command::GoAhead);
    wire.telnet->sendCommand(Command::EndOfRecord);
    EXPECT_EQ(wire.sent(), bytes({kIac, 249, kIac, 239}));
    wire.telnet->requestNegotiation(Option::Naws, asBytes(windowSizeData({255, 24})));
    EXPECT_EQ(wire.sent(), bytes({kIac, 250, 31, 0, 255, 255, 0, 24, kIac, 240}));
    for (const Command command : {Command::Se, Command::Sb, Command::Will, Command::Iac}) {
        EXPECT_THROW(wire.telnet->sendCommand(command), std::invalid_argument);
    }
    EXPECT_EQ(wire.sent(), "");
}

// A protocol that knows nothing of Telnet gets its data, and agrees to nothing.
TEST(TelnetData, servesProtocolsThatKnowNothingOfIt) {
    testing::StringTransport transport;
    const auto lines = makeRef<testing::Lines>();
    lines->setDelimiter("\n");
    const auto telnet = makeRef<TelnetTransport>(lines);
    telnet->makeConnection(transport);
    testing::feed(*telnet,
                  "one\r\n" +
                      bytes({kIac, 246, kIac, 253, 1, kIac, 251, 3, kIac, 250, 31, 0, kIac, 240}) +
                      "two\r\n");
    EXPECT_EQ(lines->got, (Frames{"one", "two"}));
    EXPECT_EQ(transport.value(), bytes({kIac, 252, 1, kIac, 254, 3}));
    lines->sendLine("out");
    EXPECT_TRUE(transport.value().ends_with("out\r\n"));
    telnet->connectionLost(ConnectionDone());
}

// Nothing comes any more once the connection is being closed, be it in the middle of a read.
TEST(TelnetData, stopsWhenTheConnectionIsClosed) {
    NotingTelnet wire;
    wire.inner->onCall = [&](Noting& self) { self.transport()->loseConnection(); };
    wire.receive("a" + bytes({kIac, 246, kIac, 253, 1, kIac, 250, 1, kIac, 240}) + "b");
    EXPECT_EQ(wire.inner->got, (Frames{"data a"}));
    NotingTelnet command;
    command.inner->onCall = [&](Noting& self) { self.transport()->abortConnection(); };
    command.receive(bytes({kIac, 246, kIac, 246}) + "b");
    EXPECT_EQ(command.inner->got, (Frames{"command 246"}));
}

// A protocol finds the TelnetTransport it is in, and nothing in other transports.
TEST(TelnetData, isFoundByTheProtocolInside) {
    NotingTelnet wire;
    EXPECT_EQ(asTelnetTransport(*wire.inner->transport()), wire.telnet.get());
    EXPECT_EQ(asTelnetTransport(wire.transport), nullptr);
}

// A factory of it puts one around each protocol, and refuses whom the inner one refuses.
TEST(TelnetData, isMadeByAFactory) {
    const auto factory = makeRef<TelnetFactory>(makeFactory<Noting>());
    const Ref<IProtocol> built = factory->buildProtocol(Address());
    EXPECT_NE(dynamic_cast<TelnetTransport*>(built.get()), nullptr);
    const auto none = factoryOf([](const Address&) { return Ref<IProtocol>(); });
    EXPECT_FALSE(makeRef<TelnetFactory>(none)->buildProtocol(Address()));
}

}  // namespace
}  // namespace marline::telnet
