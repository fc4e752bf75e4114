// Telnet: options, by the Q method of RFC 1143.
#include <marline/protocols/telnet/telnet_transport.hpp>

#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/testing/results.hpp>
#include <test/protocols/telnet/telnet_wire.hpp>

namespace marline::telnet {
namespace {

using testing::assertNoResult;
using testing::failureResultOf;
using testing::Frames;
using testing::successResultOf;

const std::string kWill = bytes({255, 251, 1});
const std::string kWont = bytes({255, 252, 1});
const std::string kDo = bytes({255, 253, 1});
const std::string kDont = bytes({255, 254, 1});

/// One of the two sides of an option, so that each test is of both.
struct Side {
    const char* name;
    std::string askOn, askOff;    // what this end says
    std::string hearOn, hearOff;  // what the peer says
    Deferred<> (Telnet::*on)(Option);
    Deferred<> (Telnet::*off)(Option);
    bool (Telnet::*enabled)(Option) const noexcept;

    std::string became() const { return std::string("+") + name + " 1"; }
    std::string ended() const { return std::string("-") + name + " 1"; }
};

class TelnetNegotiation : public ::testing::TestWithParam<Side>, public NotingTelnet {
protected:
    Deferred<> turnOn() { return (telnet.get()->*GetParam().on)(Option::Echo); }
    Deferred<> turnOff() { return (telnet.get()->*GetParam().off)(Option::Echo); }
    bool isOn() const { return (telnet.get()->*GetParam().enabled)(Option::Echo); }
    const Side& side() const { return GetParam(); }
    /// The option is on, and nothing of that is left to look at.
    void begin() {
        inner->agrees = [](Option) { return true; };
        receive(side().hearOn);
        ASSERT_TRUE(isOn());
        sent();
        inner->got.clear();
    }
};

// A proposal that the protocol refuses is refused, each time, and nothing is on.
TEST_P(TelnetNegotiation, refusesWhatTheProtocolDoesNotWant) {
    receive(side().hearOn + side().hearOn);
    EXPECT_EQ(sent(), side().askOff + side().askOff);
    EXPECT_EQ(inner->got, (Frames{side().became(), side().became()}));
    EXPECT_FALSE(isOn());
}

// A proposal that it wants is agreed to, once: a repetition is not answered (RFC 854's loop).
TEST_P(TelnetNegotiation, agreesToWhatTheProtocolWants) {
    inner->agrees = [](Option option) { return option == Option::Echo; };
    receive(side().hearOn + side().hearOn);
    EXPECT_EQ(sent(), side().askOn);
    EXPECT_EQ(inner->got, (Frames{side().became()}));
    EXPECT_TRUE(isOn());
}

// The peer may end it; that is acknowledged once, and to what is off already there is no answer.
TEST_P(TelnetNegotiation, letsThePeerEndIt) {
    begin();
    receive(side().hearOff + side().hearOff);
    EXPECT_EQ(sent(), side().askOff);
    EXPECT_EQ(inner->got, (Frames{side().ended()}));
    EXPECT_FALSE(isOn());
}

// What this end proposes is on, and its Deferred fires, when the peer agrees; its word is no
// proposal that would be answered.
TEST_P(TelnetNegotiation, turnsOnWhatThePeerAgreesTo) {
    const Deferred<> on = turnOn();
    EXPECT_EQ(sent(), side().askOn);
    EXPECT_FALSE(isOn());
    assertNoResult(on);
    receive(side().hearOn);
    EXPECT_EQ(sent(), "");
    EXPECT_EQ(inner->got, (Frames{side().became()}));
    EXPECT_TRUE(isOn());
    successResultOf(on);
}

// A refusal fails it, and may be asked again.
TEST_P(TelnetNegotiation, failsWithWhatThePeerRefuses) {
    const Deferred<> on = turnOn();
    receive(side().hearOff);
    EXPECT_EQ(failureResultOf<OptionRefused>(on).message(),
              "telnet option 1 is refused by the peer");
    EXPECT_EQ(inner->got, Frames{});
    EXPECT_FALSE(isOn());
    const Deferred<> again = turnOn();
    EXPECT_EQ(sent(), side().askOn + side().askOn);
    receive(side().hearOn);
    successResultOf(again);
}

// What is on is turned off, as soon as the peer acknowledges that.
TEST_P(TelnetNegotiation, turnsOffWhatIsOn) {
    begin();
    const Deferred<> off = turnOff();
    EXPECT_EQ(sent(), side().askOff);
    assertNoResult(off);
    receive(side().hearOff);
    EXPECT_EQ(sent(), "");
    EXPECT_EQ(inner->got, (Frames{side().ended()}));
    EXPECT_FALSE(isOn());
    successResultOf(off);
}

// What is so already needs no asking.
TEST_P(TelnetNegotiation, saysWhatIsSoAlready) {
    failureResultOf<AlreadyDisabled>(turnOff());
    begin();
    failureResultOf<AlreadyEnabled>(turnOn());
    EXPECT_EQ(sent(), "");
}

// RFC 1143, WANTYES with the opposite queued: off again is asked when the peer has agreed.
TEST_P(TelnetNegotiation, turnsOffAgainAfterTheAnswer) {
    const Deferred<> on = turnOn();
    const Deferred<> off = turnOff();
    EXPECT_EQ(sent(), side().askOn);
    receive(side().hearOn);
    EXPECT_EQ(sent(), side().askOff);
    successResultOf(on);
    assertNoResult(off);
    receive(side().hearOff);
    successResultOf(off);
    EXPECT_EQ(inner->got, (Frames{side().became(), side().ended()}));
    EXPECT_FALSE(isOn());
}

// The same where the peer refuses: it is off then, and nothing is asked any more.
TEST_P(TelnetNegotiation, isOffWhenTheFirstIsRefused) {
    const Deferred<> on = turnOn();
    const Deferred<> off = turnOff();
    receive(side().hearOff);
    failureResultOf<OptionRefused>(on);
    successResultOf(off);
    EXPECT_EQ(sent(), side().askOn);
    EXPECT_EQ(inner->got, Frames{});
}

// RFC 1143, WANTNO with the opposite queued: on again is asked when the peer has acknowledged.
TEST_P(TelnetNegotiation, turnsOnAgainAfterTheAnswer) {
    begin();
    const Deferred<> off = turnOff();
    const Deferred<> on = turnOn();
    receive(side().hearOff);
    EXPECT_EQ(sent(), side().askOff + side().askOn);
    successResultOf(off);
    assertNoResult(on);
    receive(side().hearOn);
    successResultOf(on);
    EXPECT_EQ(inner->got, (Frames{side().ended(), side().became()}));
    EXPECT_TRUE(isOn());
}

// RFC 1143: an end that goes on although it was told to stop is in error; off it is here, and with
// the opposite queued on, without another word.
TEST_P(TelnetNegotiation, settlesWithAPeerThatDoesNotStop) {
    begin();
    const Deferred<> off = turnOff();
    receive(side().hearOn);
    successResultOf(off);
    EXPECT_FALSE(isOn());
    EXPECT_EQ(inner->got, (Frames{side().ended()}));
    begin();
    const Deferred<> offAgain = turnOff();
    const Deferred<> on = turnOn();
    receive(side().hearOn);
    successResultOf(offAgain);
    successResultOf(on);
    EXPECT_TRUE(isOn());
    EXPECT_EQ(inner->got, Frames{});
    EXPECT_EQ(sent(), side().askOff);
}

// What is being asked, or waits for that, cannot be asked once more.
TEST_P(TelnetNegotiation, asksOneThingAtATime) {
    const Deferred<> on = turnOn();
    failureResultOf<AlreadyNegotiating>(turnOn());
    const Deferred<> off = turnOff();
    failureResultOf<AlreadyNegotiating>(turnOff());
    failureResultOf<AlreadyNegotiating>(turnOn());
    EXPECT_EQ(sent(), side().askOn);
    receive(side().hearOff);
    failureResultOf<OptionRefused>(on);
    successResultOf(off);
}

// Both ends propose at the same time: each takes the other's proposal for the answer.
TEST_P(TelnetNegotiation, takesACrossingProposalForTheAnswer) {
    inner->onCall = [](Noting& self) { self.onCall = nullptr; };
    const Deferred<> on = turnOn();
    receive(side().hearOn);
    successResultOf(on);
    EXPECT_EQ(sent(), side().askOn);
}

// A protocol that proposes what it is just being asked about has given its answer.
TEST_P(TelnetNegotiation, takesAProposalFromTheCallbackForTheAnswer) {
    Deferred<> on;
    inner->onCall = [&](Noting& self) {
        self.onCall = nullptr;
        on = turnOn();
    };
    receive(side().hearOn);
    EXPECT_EQ(sent(), side().askOn);
    successResultOf(on);
    EXPECT_TRUE(isOn());
}

// RFC 1143: what a protocol asks for when the peer turns an option off stands behind the answer.
TEST_P(TelnetNegotiation, answersBeforeTheCallbackAsks) {
    begin();
    Deferred<> on;
    inner->onCall = [&](Noting& self) {
        self.onCall = nullptr;
        on = turnOn();
    };
    receive(side().hearOff);
    EXPECT_EQ(sent(), side().askOff + side().askOn);
    receive(side().hearOn);
    successResultOf(on);
    EXPECT_TRUE(isOn());
}

// The end of the connection fails what was asked, and what waited, and what is asked afterwards.
TEST_P(TelnetNegotiation, failsWithTheConnection) {
    const Deferred<> on = turnOn();
    const Deferred<> off = turnOff();
    lose(ConnectionLost("gone"));
    failureResultOf<ConnectionLost>(on);
    failureResultOf<ConnectionLost>(off);
    failureResultOf<ConnectionLost>(turnOn());
    EXPECT_EQ(inner->got, (Frames{"lost marline::ConnectionLost"}));
}

// A cancelled request is let go of: the answer that comes later settles the option all the same.
TEST_P(TelnetNegotiation, canBeCancelled) {
    const Deferred<> on = turnOn();
    on.cancel();
    failureResultOf<CancelledError>(on);
    receive(side().hearOn);
    EXPECT_TRUE(isOn());
}

INSTANTIATE_TEST_SUITE_P(
    Sides, TelnetNegotiation,
    ::testing::Values(Side{"local", kWill, kWont, kDo, kDont, &Telnet::willOption,
                           &Telnet::wontOption, &Telnet::localEnabled},
                      Side{"remote", kDo, kDont, kWill, kWont, &Telnet::doOption,
                           &Telnet::dontOption, &Telnet::remoteEnabled}),
    [](const auto& each) { return std::string(each.param.name); });

// The two sides of an option know nothing of each other, nor do options.
TEST(TelnetNegotiations, keepsSidesAndOptionsApart) {
    NotingTelnet wire;
    const Deferred<> local = wire.telnet->willOption(Option::Echo);
    const Deferred<> remote = wire.telnet->doOption(Option::Echo);
    const Deferred<> other = wire.telnet->willOption(Option::SuppressGoAhead);
    EXPECT_EQ(wire.sent(), kWill + kDo + bytes({255, 251, 3}));
    wire.receive(kDo + kWont + bytes({255, 253, 3}));
    successResultOf(local);
    failureResultOf<OptionRefused>(remote);
    successResultOf(other);
}

// Any number is an option, and every cut of a conversation comes to the same.
TEST(TelnetNegotiations, isTheSameHoweverTheReadsAreCut) {
    EXPECT_EQ(everyWay("a" + kDo + bytes({255, 251, 255}) + "b\r\n" + kDont + kWill,
                       [](NotingTelnet& wire) {
                           wire.inner->agrees = [](Option option) {
                               return option == Option::Echo;
                           };
                       }),
              (Frames{"data a", "+local 1", "+remote 255", "data b\n", "-local 1", "+remote 1",
                      "sent " + kWill + bytes({255, 254, 255}) + kWont + kDo}));
}

// Who asks on without reading the answers is let go, when kMaxUnsent bytes wait.
TEST(TelnetNegotiations, limitsTheAnswersThatWait) {
    NotingTelnet wire;
    wire.transport.hold();
    wire.telnet->write(asBytes(std::string(kMaxUnsent - 3, 'x')));
    wire.receive(kDo);
    wire.receive(kDont);
    try {
        wire.receive(kDo);
        FAIL() << "let in";
    } catch (const ProtocolError& error) {
        EXPECT_NE(std::string(error.what()).find("(telnet::kMaxUnsent)"), std::string::npos);
    }
}

/// Hands the connection to another protocol in one of its callbacks, as the last who has it.
class Leaving final : public Protocol, public ITelnetProtocol {
public:
    Leaving(int calls, bool& gone) : calls_(calls), gone_(gone) {}
    ~Leaving() override { gone_ = true; }

    void commandReceived(Command) override { leave(); }
    void subnegotiationReceived(Option, std::span<const std::byte>) override { leave(); }
    bool enableLocal(Option) override { return leave(); }
    bool enableRemote(Option) override { return leave(); }
    void disableLocal(Option) override { leave(); }
    void disableRemote(Option) override { leave(); }

private:
    bool leave() {
        bool& gone = gone_;
        if (--calls_ == 0) {
            transport()->switchProtocol(makeRef<Noting>());
            EXPECT_FALSE(gone);
        }
        return true;
    }

    int calls_;
    bool& gone_;
};

// A protocol lives while it is called, also if it hands the connection on.
TEST(TelnetNegotiations, keepsTheProtocolWhileItIsCalled) {
    const std::string areYouThere = bytes({255, 246});
    const std::string sub = bytes({255, 250, 31, 1, 255, 240});
    for (const auto& [calls, text] :
         {std::pair(1, areYouThere), std::pair(1, sub), std::pair(1, kWill), std::pair(1, kDo),
          std::pair(2, kWill + kWont), std::pair(2, kDo + kDont)}) {
        bool gone = false;
        testing::StringTransport transport;
        const auto telnet = makeRef<TelnetTransport>(makeRef<Leaving>(calls, gone));
        telnet->makeConnection(transport);
        testing::feed(*telnet, text);
        EXPECT_TRUE(gone);
        transport.disconnect();
        telnet->connectionLost(ConnectionDone());
    }
}

}  // namespace
}  // namespace marline::telnet
