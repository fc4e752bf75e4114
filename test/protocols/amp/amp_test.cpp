// Amp: questions, answers and errors between two peers.
#include <marline/protocols/amp/amp.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <marline/deferred/source.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/protocols/amp/commands.hpp>
#include <test/support/deferred_outcome.hpp>
#include <test/support/reactor_fixture.hpp>

namespace marline::amp::testing {
namespace {

using marline::testing::CaughtLog;
using marline::testing::MemoryPipe;
using marline::testing::NoUnhandled;
using marline::testing::Outcome;

Divide::Response divide(const Divide& what) {
    if (what.denominator == 0) {
        throw DivisionByZero("cannot divide by zero");
    }
    return {static_cast<double>(what.numerator) / static_cast<double>(what.denominator)};
}

/// A command whose response is a Note.
struct Read {
    static constexpr std::string_view kCommandName = "Read";
    static constexpr auto fields() { return amp::fields(); }
    using Response = Note;
};

class AmpTest : public ::testing::Test {
protected:
    NoUnhandled noUnhandled_;
    CaughtLog logged_;
};

// A question is answered, in whatever reads its bytes and the answer's come.
TEST_F(AmpTest, answersQuestionsInAnyChunking) {
    for (const std::size_t chunk :
         {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{64}, MemoryPipe::kWhole}) {
        Peers peers(chunk);
        peers.server->responder<Divide>(divide);
        const Outcome<Divide::Response> half(peers.client->callRemote(Divide{1, 2}));
        const Outcome<Divide::Response> third(peers.client->callRemote(Divide{1, -4}));
        EXPECT_FALSE(half.fired());
        peers.pipe.run();
        ASSERT_TRUE(half.ok() && third.ok()) << chunk << half.message();
        EXPECT_EQ(half.value().result, 0.5);
        EXPECT_EQ(third.value().result, -0.25);
    }
}

// The bytes are those of Twisted's AMP.
TEST_F(AmpTest, speaksAsTwistedDoes) {
    Peers peers;
    peers.server->responder<Divide>(divide);
    const Outcome<Divide::Response> answer(peers.client->callRemote(Divide{7, 2}));
    EXPECT_EQ(peers.pipe.client.sent, pair("_ask", "0") + pair("_command", "Divide") +
                                          pair("numerator", "7") + pair("denominator", "2") + kEnd);
    peers.pipe.run();
    EXPECT_EQ(peers.pipe.server.sent, pair("_answer", "0") + pair("result", "3.5") + kEnd);
}

// Both sides ask and answer.
TEST_F(AmpTest, asksFromBothSides) {
    Peers peers(3);
    peers.server->responder<Divide>(divide);
    peers.client->responder<Divide>(
        [](const Divide& what) { return Divide::Response{static_cast<double>(what.numerator)}; });
    const Outcome<Divide::Response> one(peers.client->callRemote(Divide{1, 2}));
    const Outcome<Divide::Response> other(peers.server->callRemote(Divide{8, 2}));
    peers.pipe.run();
    EXPECT_EQ(one.value().result, 0.5);
    EXPECT_EQ(other.value().result, 8);
}

// A responder may give a Deferred; answers come when they are there, in any order.
TEST_F(AmpTest, answersInAnyOrder) {
    Peers peers;
    std::vector<DeferredSource<Divide::Response>> waiting;
    peers.server->responder<Divide>([&](const Divide&) {
        waiting.emplace_back();
        return waiting.back().deferred();
    });
    const Outcome<Divide::Response> first(peers.client->callRemote(Divide{}));
    const Outcome<Divide::Response> second(peers.client->callRemote(Divide{}));
    peers.pipe.run();
    waiting.at(1).callback(Divide::Response{2});
    peers.pipe.run();
    EXPECT_FALSE(first.fired());
    EXPECT_EQ(second.value().result, 2);
    const Outcome<Divide::Response> third(peers.client->callRemote(Divide{}));
    peers.pipe.run();
    waiting.at(2).callback(Divide::Response{3});
    waiting.at(0).callback(Divide::Response{1});
    peers.pipe.run();
    EXPECT_EQ(first.value().result, 1);
    EXPECT_EQ(third.value().result, 3);
}

// A command without Response yields nothing, and an optional argument may be left out.
TEST_F(AmpTest, asksCommandsWithoutResponse) {
    Peers peers;
    std::string notes;
    peers.server->responder<Note>([&](const Note& note) {
        notes += note.text + (note.level ? std::to_string(*note.level) : "-") + " ";
    });
    const Outcome<> with(peers.client->callRemote(Note{"a", 3}));
    const Outcome<> without(peers.client->callRemote(Note{"b"}));
    peers.pipe.run();
    EXPECT_TRUE(with.ok() && without.ok());
    EXPECT_EQ(notes, "a3 b- ");
}

// A command that requires no answer gets none.
TEST_F(AmpTest, tellsWithoutAnAnswer) {
    Peers peers;
    std::int32_t count = 0;
    peers.server->responder<Tick>([&](const Tick& tick) { count += tick.count; });
    const Outcome<> told(peers.client->callRemote(Tick{5}));
    EXPECT_TRUE(told.ok());
    peers.pipe.run();
    EXPECT_EQ(count, 5);
    EXPECT_EQ(peers.pipe.client.sent, pair("_command", "Tick") + pair("count", "5") + kEnd);
    EXPECT_EQ(peers.pipe.server.sent, "");
}

// An error that the command declares travels by its code and is the same type at the other side.
TEST_F(AmpTest, sendsDeclaredErrors) {
    Peers peers;
    peers.server->responder<Divide>(divide);
    const Outcome<Divide::Response> answer(peers.client->callRemote(Divide{1, 0}));
    peers.pipe.run();
    EXPECT_NE(answer.failed<DivisionByZero>(), nullptr);
    EXPECT_EQ(answer.message(), "cannot divide by zero");
    EXPECT_EQ(peers.pipe.server.sent, pair("_error", "0") + pair("_error_code", "ZERO_DIVISION") +
                                          pair("_error_description", "cannot divide by zero") +
                                          kEnd);
    EXPECT_FALSE(peers.client->lost) << "the connection stays";
}

// A fatal error is sent, and then the connection closed.
TEST_F(AmpTest, closesAfterAFatalError) {
    Peers peers;
    peers.server->responder<Divide>(
        [](const Divide&) -> Divide::Response { throw Broken("no more"); });
    const Outcome<Divide::Response> answer(peers.client->callRemote(Divide{}));
    peers.pipe.run();
    EXPECT_NE(answer.failed<Broken>(), nullptr);
    EXPECT_TRUE(peers.client->lostWith<ConnectionDone>());
}

// An error that is not declared stays in the log: the peer hears that there was one, and the
// connection is closed.
TEST_F(AmpTest, hidesErrorsThatAreNotDeclared) {
    Peers peers;
    peers.server->responder<Divide>(
        [](const Divide&) -> Divide::Response { throw std::runtime_error("secret"); });
    const Outcome<Divide::Response> answer(peers.client->callRemote(Divide{}));
    peers.pipe.run();
    EXPECT_NE(answer.failed<UnknownRemoteError>(), nullptr);
    EXPECT_EQ(answer.message(), "Unknown Error");
    EXPECT_EQ(peers.pipe.server.sent.find("secret"), std::string::npos);
    EXPECT_EQ(logged_.count("secret"), 1U);
    logged_.clear();
    EXPECT_TRUE(peers.client->lostWith<ConnectionDone>());
}

// A responder may fail with a RemoteAmpError, whose code is sent; the asker gets one as well.
TEST_F(AmpTest, sendsErrorsWithACodeOfTheirOwn) {
    Peers peers;
    peers.server->responder<Divide>(
        [](const Divide&) { return fail<Divide::Response>(RemoteAmpError("BUSY", "ask again")); });
    const Outcome<Divide::Response> answer(peers.client->callRemote(Divide{}));
    peers.pipe.run();
    ASSERT_NE(answer.failed<RemoteAmpError>(), nullptr);
    EXPECT_EQ(answer.failed<RemoteAmpError>()->errorCode(), "BUSY");
    EXPECT_EQ(answer.message(), "ask again");
    EXPECT_FALSE(peers.client->lost);
}

// A command without responder is answered as such, and the connection stays.
TEST_F(AmpTest, saysThatNobodyAnswers) {
    Peers peers;
    const Outcome<Divide::Response> answer(peers.client->callRemote(Divide{}));
    peers.pipe.run();
    EXPECT_NE(answer.failed<UnhandledCommand>(), nullptr);
    EXPECT_EQ(answer.message(), "Unhandled Command: 'Divide'");
    EXPECT_FALSE(peers.client->lost);
}

// An argument that is missing or wrong is an error that nobody declared.
TEST_F(AmpTest, refusesArgumentsThatAreWrong) {
    for (const std::string& arguments :
         {pair("numerator", "1"), pair("numerator", "x") + pair("denominator", "1")}) {
        Peers peers;
        peers.server->responder<Divide>(divide);
        peers.pipe.client.write(
            asBytes(pair("_command", "Divide") + pair("_ask", "7") + arguments + kEnd));
        const std::string expected = pair("_error", "7") + pair("_error_code", "UNKNOWN") +
                                     pair("_error_description", "Unknown Error") + kEnd;
        peers.pipe.step();
        peers.pipe.step();
        EXPECT_EQ(peers.pipe.server.sent, expected);
        EXPECT_EQ(logged_.count("AMP argument"), 1U) << logged_.all();
        logged_.clear();
    }
}

// The same in an answer is the asker's failure.
TEST_F(AmpTest, failsWithAnAnswerThatIsWrong) {
    Peers peers;
    const Outcome<Divide::Response> missing(peers.client->callRemote(Divide{}));
    const Outcome<Divide::Response> wrong(peers.client->callRemote(Divide{}));
    peers.pipe.server.write(asBytes(pair("_answer", "0") + kEnd + pair("_answer", "1") +
                                    pair("result", "much") + kEnd));
    peers.pipe.step();
    ASSERT_NE(missing.failed<InvalidArgument>(), nullptr) << missing.message();
    EXPECT_EQ(missing.message(), "AMP argument result: it is missing");
    EXPECT_EQ(wrong.message(), "AMP argument result: 'much' is no AMP Float");
}

// An error of a command that nobody answers is logged, and closes the connection.
TEST_F(AmpTest, closesWhenACommandWithoutAnswerFails) {
    Peers peers;
    peers.server->responder<Tick>([](const Tick&) { throw std::runtime_error("no clock"); });
    peers.client->callRemote(Tick{});
    peers.pipe.run();
    EXPECT_EQ(logged_.count("no clock"), 1U);
    logged_.clear();
    EXPECT_TRUE(peers.client->lostWith<ConnectionDone>());
    EXPECT_EQ(peers.pipe.server.sent, "");
}

// What was asked and not answered fails with the reason of the loss; so does what is asked later.
TEST_F(AmpTest, failsQuestionsWhenTheConnectionIsLost) {
    Peers peers;
    peers.server->responder<Divide>([](const Divide&) { return Deferred<Divide::Response>(); });
    const Outcome<Divide::Response> one(peers.client->callRemote(Divide{}));
    const Outcome<Divide::Response> two(peers.client->callRemote(Divide{}));
    peers.pipe.run();
    EXPECT_FALSE(one.fired() || two.fired());
    peers.pipe.server.loseConnection();
    peers.pipe.run();
    EXPECT_NE(one.failed<ConnectionDone>(), nullptr) << one.message();
    EXPECT_NE(two.failed<ConnectionDone>(), nullptr) << two.message();
    const Outcome<Divide::Response> late(peers.client->callRemote(Divide{}));
    EXPECT_NE(late.failed<ConnectionDone>(), nullptr) << late.message();
}

// Who is not connected yet cannot ask.
TEST_F(AmpTest, failsQuestionsWithoutAConnection) {
    const auto peer = makeRef<Peer>();
    const Outcome<Divide::Response> early(peer->callRemote(Divide{}));
    EXPECT_NE(early.failed<ConnectionLost>(), nullptr) << early.message();
    const Outcome<> told(peer->callRemote(Tick{}));
    EXPECT_NE(told.failed<ConnectionLost>(), nullptr) << told.message();
}

// An answer that comes when the connection is gone is dropped.
TEST_F(AmpTest, dropsAnswersOfALostConnection) {
    Peers peers;
    DeferredSource<Divide::Response> waiting;
    peers.server->responder<Divide>([&](const Divide&) { return waiting.deferred(); });
    const Outcome<Divide::Response> answer(peers.client->callRemote(Divide{}));
    peers.pipe.run();
    peers.pipe.cut();
    waiting.callback(Divide::Response{1});
    EXPECT_EQ(peers.pipe.server.sent, "");
}

// A cancelled question fails at once; its answer is dropped and disturbs no other.
TEST_F(AmpTest, canBeCancelled) {
    Peers peers;
    peers.server->responder<Divide>(divide);
    Outcome<Divide::Response> cancelled(peers.client->callRemote(Divide{1, 2}));
    cancelled.cancel();
    EXPECT_NE(cancelled.failed<CancelledError>(), nullptr);
    const Outcome<Divide::Response> other(peers.client->callRemote(Divide{1, 4}));
    peers.pipe.run();
    EXPECT_EQ(other.value().result, 0.25);
}

// What AMP cannot say is refused at the call, and nothing of it is sent.
TEST_F(AmpTest, refusesToSendWhatIsTooLong) {
    Peers peers;
    peers.server->responder<Note>([](const Note&) {});
    EXPECT_THROW(peers.client->callRemote(Note{std::string(65536, 'x')}), TooLong);
    EXPECT_EQ(peers.pipe.client.sent, "");
    const Outcome<> longest(peers.client->callRemote(Note{std::string(65535, 'x')}));
    peers.pipe.run();
    EXPECT_TRUE(longest.ok()) << longest.message();
}

// An answer that is too long is an error of the responder's.
TEST_F(AmpTest, failsAnswersThatAreTooLong) {
    Peers peers;
    peers.server->responder<Read>([](const Read&) { return Note{std::string(65536, 'x')}; });
    const Outcome<Note> answer(peers.client->callRemote(Read{}));
    peers.pipe.run();
    EXPECT_NE(answer.failed<UnknownRemoteError>(), nullptr) << answer.message();
    EXPECT_EQ(logged_.count("65536 bytes"), 1U);
    logged_.clear();
}

// Connections may share their responders, which learn who asks; a connection's own come first.
TEST_F(AmpTest, sharesResponders) {
    const auto shared = makeRef<CommandLocator>();
    std::vector<Amp*> askers;
    shared->responder<Tick>([&](const Tick&, Amp& connection) { askers.push_back(&connection); })
        .responder<Note>([](const Note&) { FAIL() << "the connection has its own"; });
    const auto one = makeRef<Peer>(shared);
    const auto two = makeRef<Peer>(shared);
    two->responder<Note>([](const Note&) {});
    const auto client = makeRef<Peer>();
    MemoryPipe first;
    MemoryPipe second;
    first.connect(makeRef<Peer>(), one);
    second.connect(client, two);
    first.client.write(asBytes(pair("_command", "Tick") + pair("count", "1") + kEnd));
    client->callRemote(Tick{});
    const Outcome<> noted(client->callRemote(Note{}));
    first.run();
    second.run();
    EXPECT_TRUE(noted.ok());
    EXPECT_EQ(askers, (std::vector<Amp*>{one.get(), two.get()}));
}

// A command has one responder.
TEST_F(AmpTest, refusesASecondResponder) {
    const auto peer = makeRef<Peer>();
    peer->responder<Divide>(divide);
    EXPECT_THROW(peer->responder<Divide>(divide), std::logic_error);
}

}  // namespace
}  // namespace marline::amp::testing
