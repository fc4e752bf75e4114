// What framing and AMP allocate once they are warm: nothing. A program of its own, for the heap.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <marline/protocols/amp/amp.hpp>
#include <marline/protocols/int_n_string_receiver.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/netstring_receiver.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/support/heap.hpp>

namespace marline {
namespace {

class EchoLines final : public TimeoutMixin<LineReceiver> {
public:
    explicit EchoLines(IReactorTime& clock) : TimeoutMixin(clock) {}
    void lineReceived(std::string_view line) override {
        resetTimeout();
        sendLine(line);
    }
};

template <class Receiver>
class EchoStrings final : public Receiver {
public:
    void stringReceived(std::string_view string) override { this->sendString(string); }
};

/// How many allocations a protocol makes that gets `bytes` in reads of `size`, after the first few
/// times.
template <class P, class... Args>
long allocations(std::string_view bytes, std::size_t size, Args&... args) {
    testing::StringTransport transport;
    const auto protocol = makeRef<P>(args...);
    protocol->makeConnection(transport);
    const auto receive = [&] {
        for (std::size_t at = 0; at < bytes.size(); at += size) {
            protocol->dataReceived(asBytes(bytes.substr(at, size)));
        }
        EXPECT_NE(transport.value(), "");
        transport.clear();
    };
    receive();
    receive();
    {
        const test::heap::Refusing none(0);
        receive();
        receive();
    }
    const long asked = test::heap::asked();
    protocol->connectionLost(ConnectionDone());
    return asked;
}

// A line, a netstring or a string behind its length costs no allocation, cut or not.
TEST(FramingAllocations, framesCostNone) {
    testing::Clock clock;
    const std::string text(100, 'x');
    const std::string int16 = std::string("\0\x64", 2) + text;
    for (const std::size_t size : {std::size_t{1}, std::size_t{50}, std::size_t{1000}}) {
        EXPECT_EQ(allocations<EchoLines>(text + "\r\n" + text + "\r\n", size, clock), 0) << size;
        EXPECT_EQ(allocations<EchoStrings<NetstringReceiver>>("100:" + text + ",", size), 0)
            << size;
        EXPECT_EQ(allocations<EchoStrings<Int16StringReceiver>>(int16 + int16, size), 0) << size;
    }
}

struct Add {
    static constexpr std::string_view kCommandName = "Add";
    std::int64_t a = 0;
    std::int64_t b = 0;
    static constexpr auto fields() { return amp::fields("a", &Add::a, "b", &Add::b); }
    struct Response {
        std::int64_t sum = 0;
        static constexpr auto fields() { return amp::fields("sum", &Response::sum); }
    };
};

class Adder final : public amp::Amp {
public:
    Adder() {
        responder<Add>([](const Add& what) { return Add::Response{what.a + what.b}; });
    }
};

// What allocates is seen.
TEST(FramingAllocations, aCopyOfEachLineIsCounted) {
    class Copying final : public LineReceiver {
        void lineReceived(std::string_view line) override {
            sendLine(std::string(line) + " and more than fits into a string itself");
        }
    };
    EXPECT_EQ(allocations<Copying>("line\r\n", 1000), 2);
}

// Nor does answering a question.
TEST(FramingAllocations, answersCostNone) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "memory is not recycled under AddressSanitizer, so that it sees every use";
#endif
    std::string box;
    amp::BoxWriter writer(box);
    writer.add("_ask", "1");
    writer.add("_command", "Add");
    writer.add("a", "20");
    writer.add("b", "22");
    writer.end();
    EXPECT_EQ(allocations<Adder>(box, 1000), 0);
    EXPECT_EQ(allocations<Adder>(box, 7), 0);
}

// Nor asking one.
TEST(FramingAllocations, questionsCostNone) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "memory is not recycled under AddressSanitizer, so that it sees every use";
#endif
    testing::StringTransport transport;
    const auto asker = makeRef<Adder>();
    asker->makeConnection(transport);
    std::string answer;
    amp::BoxWriter writer(answer);
    writer.add("_answer", "0");
    writer.add("sum", "42");
    writer.end();
    std::int64_t sum = 0;
    const auto ask = [&] {
        asker->callRemote(Add{20, 22}).addCallback([&sum](const Add::Response& got) {
            sum += got.sum;
        });
        asker->dataReceived(asBytes(answer));
        transport.clear();
    };
    ask();
    ask();
    {
        const test::heap::Refusing none(0);
        ask();
        ask();
    }
    EXPECT_EQ(test::heap::asked(), 0);
    EXPECT_EQ(sum, 4 * 42);
    asker->connectionLost(ConnectionDone());
}

}  // namespace
}  // namespace marline
