// What a request costs on the heap once the agent is warm. A program of its own: it replaces
// operator new.
#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <marline/agent/agent.hpp>
#include <marline/agent/body.hpp>
#include <marline/protocols/http/response_parser.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/reactor.hpp>

#include <test/support/heap.hpp>

namespace marline {
namespace {

constexpr int kWarm = 50;
constexpr int kRounds = 200;
/// DESIGN of the agent: allocations of one request whose response is not read.
constexpr long kPerRequest = 5;
/// And of one whose body is read into a string.
constexpr long kPerRead = 7;
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nServer: test\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
    "Content-Length: 13\r\n\r\nHello, world\n";

/// Answers every read, which is a request; allocates nothing.
class Answering final : public Protocol {
    void dataReceived(std::span<const std::byte>) override { transport()->write(kAnswer); }
};

class AgentAllocationTest : public ::testing::Test {
protected:
    /// Allocations of one request, on average behind the first ones; `then` uses the response.
    template <class Then>
    double perRequest(Then then) {
        const auto make = [&](int count) {
            for (int i = 0; i < count; ++i) {
                bool done = false;
                agent.request("GET", uri, headers).addCallback(then).addCallback([&done] {
                    done = true;
                });
                while (!done) {
                    reactor.iterate(std::chrono::seconds(10));
                }
            }
        };
        make(kWarm);
        {
            const test::heap::Refusing none(0);
            make(kRounds);
        }
        EXPECT_EQ(agent.metrics().connected, 1U);
        return static_cast<double>(test::heap::asked()) / kRounds;
    }

    Reactor reactor;
    Ref<IListeningPort> port =
        reactor.listenTcp(0, makeFactory<Answering>(), {.interface = "127.0.0.1"});
    Agent agent{reactor};
    const Uri uri = Uri::parse("http://" + port->getHost().toString() + "/index.html").value();
    const http::Headers headers{{"User-Agent", "marline-test"}, {"Accept", "*/*"}};
};

// The whole agent: pool, time-outs and limits on, over TCP.
TEST_F(AgentAllocationTest, warmRequest) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "memory is not recycled under AddressSanitizer, so that it sees every use";
#endif
    const double cost = perRequest([](const Response& response) { response.discardBody(); });
    RecordProperty("allocations", std::to_string(cost));
    EXPECT_LE(cost, kPerRequest);
}

// The same with the body in a string.
TEST_F(AgentAllocationTest, warmRequestWithItsBody) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "memory is not recycled under AddressSanitizer, so that it sees every use";
#endif
    const double cost = perRequest([](const Response& response) {
        return readBody(response).addCallback(
            [](const std::string& body) { EXPECT_EQ(body.size(), 13U); });
    });
    RecordProperty("allocations", std::to_string(cost));
    EXPECT_LE(cost, kPerRead);
}

// The wire engine alone: nothing.
TEST(WireAllocation, warmResponse) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "memory is not recycled under AddressSanitizer, so that it sees every use";
#endif
    http::ResponseParser parser;
    const auto read = [&parser] {
        parser.expectResponse("GET");
        std::span<const std::byte> input = asBytes(kAnswer);
        while (parser.next(input) != http::WireEvent::End) {
        }
    };
    read();
    read();
    {
        const test::heap::Refusing none(0);
        for (int i = 0; i < kRounds; ++i) {
            read();
        }
    }
    EXPECT_EQ(test::heap::asked(), 0);
}

}  // namespace
}  // namespace marline
