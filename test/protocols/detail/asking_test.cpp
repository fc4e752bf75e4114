// Servers that ask their user: what is late, fails, or comes when nobody is left.
#include <marline/protocols/detail/asking.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/deferred/succeed.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/gtest.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/protocols/framing.hpp>

namespace marline::detail {
namespace {

using namespace std::chrono_literals;

/// Asks `answer` about each line, and sends what comes of it.
class Server final : public Asking<LineOnlyReceiver> {
public:
    using Question = std::function<Deferred<std::string>(const std::string&)>;

    Server(IReactorTime& clock, Question question)
        : Asking(clock, {.protocol = "test",
                         .whom = "the question",
                         .held = 10,
                         .limit = 60s,
                         .knob = "its knob"}),
          question_(std::move(question)) {}

    using Asking::limitQuestions;

private:
    void connectionMade() override { setTimeout(5s); }
    void silent() override { transport()->abortConnection(); }
    void lineReceived(std::string_view line) override {
        resetTimeout();
        if (line == "throw") {
            throw std::runtime_error("a bad line");
        }
        ask(question_(std::string(line)), [this](const Result<std::string>& answer) {
            if (answer.ok() && answer.value() == "throw") {
                throw std::runtime_error("a bad answer");
            }
            sendLine(answer.ok() ? answer.value() : answer.failure().message());
        });
    }

    Question question_;
};

class AskingTest : public testing::TestCase {
protected:
    AskingTest() { server_->makeConnection(transport_); }
    ~AskingTest() override { lose(); }

    void lose() {
        if (server_) {
            transport_.disconnect();
            std::exchange(server_, {})->connectionLost(ConnectionDone());
        }
    }
    void say(std::string_view text) {
        if (!transport_.disconnecting() && !transport_.paused()) {
            testing::feed(*server_, text);
        }
    }
    std::string heard() {
        std::string all = transport_.value();
        transport_.clear();
        return all;
    }

    testing::Clock clock_;
    testing::StringTransport transport_;
    Deferred<std::string> answer_;
    Ref<Server> server_ = makeRef<Server>(clock_, [this](const std::string& line) {
        return line == "wait" ? answer_ : succeed(line);
    });
};

// One question at a time, in order, and reading goes on meanwhile up to `held` bytes.
TEST_F(AskingTest, holdsWhatFollows) {
    say("one\r\nwait\r\ntwo\r\n");
    EXPECT_EQ(heard(), "one\r\n");
    say("three");
    EXPECT_FALSE(transport_.paused());
    say("\r");
    EXPECT_TRUE(transport_.paused());
    answer_.callback("waited");
    EXPECT_EQ(heard(), "waited\r\ntwo\r\n");
    EXPECT_FALSE(transport_.paused());
    say("\nfour\r\n");
    EXPECT_EQ(heard(), "three\r\nfour\r\n");
}

// What the question is late with is not waited for; its timeout is not the connection's.
TEST_F(AskingTest, limitsTheQuestion) {
    say("wait\r\ntwo\r\n");
    clock_.advance(59s);
    EXPECT_EQ(heard(), "");
    clock_.advance(1s);
    EXPECT_EQ(heard(), "test: the question took longer than 60000 ms (its knob)\r\ntwo\r\n");
    clock_.advance(4s);
    EXPECT_FALSE(transport_.aborted());
    clock_.advance(1s);
    EXPECT_TRUE(transport_.aborted());
}

// A question that answers when it is cancelled for being late is heard.
TEST_F(AskingTest, hearsAnAnswerAtTheLastMoment) {
    answer_ = Deferred<std::string>(
        [](const Deferred<std::string>& self) { self.callback("half of it"); });
    say("wait\r\n");
    clock_.advance(60s);
    EXPECT_EQ(heard(), "half of it\r\n");
}

// A limit may come later, for the question that is asked and those behind it.
TEST_F(AskingTest, takesALimitMeanwhile) {
    say("wait\r\n");
    server_->limitQuestions(1s);
    clock_.advance(1s);
    EXPECT_EQ(heard(), "test: the question took longer than 1000 ms (its knob)\r\n");
}

// The end of the connection cancels; what nobody is left to hear is logged when it is a failure.
TEST_F(AskingTest, cancelsWithTheConnection) {
    answer_ = Deferred<std::string>([](const Deferred<std::string>& self) {
        self.errback(Failure::make<std::runtime_error>("the data base is gone"));
    });
    say("wait\r\n");
    lose();
    EXPECT_EQ(flushLoggedErrors("test: the question failed after the client had left").size(), 1U);
    EXPECT_EQ(clock_.pendingCalls(), 0U);
}

// That it was cancelled is no failure to be logged, nor is a value.
TEST_F(AskingTest, saysNothingOfWhatWasCancelled) {
    bool cancelled = false;
    answer_ = Deferred<std::string>([&](const Deferred<std::string>&) { cancelled = true; });
    say("wait\r\n");
    lose();
    EXPECT_TRUE(cancelled);
}

// What is thrown where no transport is there to hear of it ends the connection all the same: by
// what is made of an answer, and by what follows it.
TEST_F(AskingTest, endsWithAnException) {
    say("wait\r\nthrow\r\n");
    answer_.callback("waited");
    EXPECT_TRUE(transport_.aborted());
    EXPECT_EQ(flushLoggedErrors("a bad line").size(), 1U);
}
TEST_F(AskingTest, endsWithAnExceptionOfTheAnswer) {
    say("wait\r\n");
    answer_.callback("throw");
    EXPECT_TRUE(transport_.aborted());
    EXPECT_EQ(flushLoggedErrors("a bad answer").size(), 1U);
}

}  // namespace
}  // namespace marline::detail
