// The snippets of docs/howto/amp.md, and what the page says of them.
#include <cstdint>
#include <iostream>
#include <string_view>
#include <tuple>

#include <gtest/gtest.h>

#include <marline/marline.hpp>

#include <marline/protocols/amp/amp.hpp>

#include "test/guide/printed.hpp"
#include "test/support/running.hpp"

using namespace marline;

namespace {

using test::outcomeOf;

class DivisionByZero : public Error {
public:
    using Error::Error;
};

struct Divide {
    static constexpr std::string_view kCommandName = "Divide";
    std::int64_t numerator = 0;
    std::int64_t denominator = 1;
    static constexpr auto fields() {
        return amp::fields("numerator", &Divide::numerator, "denominator", &Divide::denominator);
    }
    struct Response {
        double result = 0;
        static constexpr auto fields() { return amp::fields("result", &Response::result); }
    };
    static constexpr auto errors() {
        return std::tuple(amp::error<DivisionByZero>("ZERO_DIVISION"));
    }
};

class Calculator : public amp::Amp {
public:
    Calculator() {
        responder<Divide>([](const Divide& what) {
            if (what.denominator == 0) {
                throw DivisionByZero("cannot divide by zero");
            }
            return Divide::Response{double(what.numerator) / double(what.denominator)};
        });
    }
};

// A question gets its answer, and a declared error is the same error here.
TEST(GuideAmp, questionsAndAnswers) {
    Reactor reactor;
    std::uint16_t port = 0;
    auto listening = reactor.listenTcp(port, makeFactory<Calculator>(), {.interface = "127.0.0.1"});
    const auto peer = makeRef<amp::Amp>();
    ASSERT_TRUE(outcomeOf(reactor, reactor.connectTcp(listening->getHost(),
                                                      factoryOf([peer](const Address&) {
                                                          return Ref<IProtocol>(peer);
                                                      })))
                    .ok());
    const test::Printed printed;
    peer->callRemote(Divide{.numerator = 1, .denominator = 4})
        .addCallback([](const Divide::Response& answer) { std::cout << answer.result << '\n'; })
        .addErrback<DivisionByZero>([](const DivisionByZero&) { std::cout << "infinite\n"; });
    test::runUntil(reactor, [&] { return printed.text() == "0.25\n"; });
    const auto infinite = outcomeOf(reactor, peer->callRemote(Divide{.denominator = 0}));
    EXPECT_NE(infinite.failure().check<DivisionByZero>(), nullptr);
}

}  // namespace
