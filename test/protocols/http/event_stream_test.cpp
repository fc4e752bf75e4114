// EventStream: events as they are sent, and clients that are slow, idle or gone.
#include <marline/protocols/http/event_stream.hpp>

#include <marline/protocols/http/resource.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using namespace std::chrono_literals;
using test::ServerWire;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: t\r\nLast-Event-ID: 41\r\n\r\n";
constexpr const char* kHead =
    "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n"
    "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\n\r\n";

std::string chunk(const std::string& text) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string size;
    for (std::size_t left = text.size(); left > 0; left /= 16) {
        size.insert(0, 1, kDigits[left % 16]);
    }
    return size + "\r\n" + text + "\r\n";
}

class EventStreamTest : public test::ServerTest {
protected:
    /// A handler that makes its request a stream.
    UniqueFunction<Rendered(Request&)> streaming(EventStreamOptions options = {}) {
        return [this, options](Request& request) -> Rendered {
            events = makeRef<EventStream>(request, options);
            return NotDoneYet{};
        };
    }

    Ref<EventStream> events;
};

// An event is its fields, and a `data` line for each line of its data, whatever ends it.
TEST_F(EventStreamTest, encodesEvents) {
    EXPECT_EQ(encodeEvent({.data = "a"}), "data: a\n\n");
    EXPECT_EQ(encodeEvent({.data = "a\nb\r\nc\rd\n"}),
              "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
    EXPECT_EQ(encodeEvent({.data = "x", .event = "e", .id = "7", .retry = 1500ms}),
              "event: e\nid: 7\nretry: 1500\ndata: x\n\n");
    EXPECT_EQ(encodeEvent({.retry = 10ms}), "retry: 10\n\n");
    EXPECT_EQ(encodeEvent({}), "data: \n\n");
}

// What would make another event of it is refused.
TEST_F(EventStreamTest, refusesFieldsOfSeveralLines) {
    EXPECT_THROW(encodeEvent({.event = "a\nb"}), std::invalid_argument);
    EXPECT_THROW(encodeEvent({.id = "a\rb"}), std::invalid_argument);
    EXPECT_THROW(encodeEvent({.id = std::string("a\0b", 3)}), std::invalid_argument);
}

// The head goes out at once, then each event by itself, until the end.
TEST_F(EventStreamTest, sendsEvents) {
    ServerWire wire(streaming());
    EXPECT_EQ(wire.exchange(kGet), kHead);
    EXPECT_EQ(events->lastEventId(), "41");
    events->send({.data = "a"});
    EXPECT_EQ(wire.take(), chunk("data: a\n\n"));
    bool closed = false;
    events->whenClosed().addCallback([&closed] { closed = true; });
    events->close();
    EXPECT_TRUE(closed);
    EXPECT_FALSE(events->open());
    EXPECT_EQ(wire.take(), "0\r\n\r\n");
    events->send({.data = "late"});
    events->close();
    EXPECT_EQ(wire.take(), "");
}

// An idle stream sends a comment, counted from the last event.
TEST_F(EventStreamTest, beatsWhenIdle) {
    ServerWire wire(streaming({.heartbeat = 10s}));
    wire.exchange(kGet);
    wire.clock().advance(9s);
    events->send({.data = "a"});
    wire.take();
    wire.clock().advance(9s);
    EXPECT_EQ(wire.take(), "");
    wire.clock().advance(1s);
    EXPECT_EQ(wire.take(), chunk(":\n\n"));
    wire.clock().advance(10s);
    EXPECT_EQ(wire.take(), chunk(":\n\n"));
}

// A heartbeat of zero is none.
TEST_F(EventStreamTest, mayNotBeat) {
    ServerWire wire(streaming({.heartbeat = 0s}));
    wire.exchange(kGet);
    wire.clock().advance(1h);
    EXPECT_EQ(wire.take(), "");
}

// What a slow client cannot take waits, and goes out when it reads again; no heartbeat is added.
TEST_F(EventStreamTest, keepsTheBacklogOfASlowClient) {
    ServerWire wire(streaming({.heartbeat = 10s}));
    wire.exchange(kGet);
    wire.transport().hold();
    events->sendEncoded(std::string(testing::StringTransport::kHighWater + 1, 'x'));
    wire.take();
    events->send({.data = "a"});
    wire.clock().advance(10s);
    events->send({.data = "b"});
    EXPECT_EQ(wire.take(), "");
    wire.transport().drain();
    EXPECT_EQ(wire.take(), chunk("data: a\n\ndata: b\n\n"));
}

// maxBacklog: a client that is further behind is dropped, and who waits for the end is told.
TEST_F(EventStreamTest, dropsAClientThatIsTooSlow) {
    ServerWire wire(streaming({.maxBacklog = 20}));
    wire.exchange(kGet);
    wire.transport().hold();
    events->sendEncoded(std::string(testing::StringTransport::kHighWater + 1, 'x'));
    events->sendEncoded(std::string(20, 'x'));
    EXPECT_FALSE(wire.transport().aborted());
    events->sendEncoded("x");
    EXPECT_TRUE(wire.transport().aborted());
    EXPECT_FALSE(events->open());
    EXPECT_NE(notes().find("EventStreamOptions::maxBacklog"), std::string::npos) << notes();
}

// The end comes behind the backlog.
TEST_F(EventStreamTest, closesBehindTheBacklog) {
    ServerWire wire(streaming());
    wire.exchange(kGet);
    wire.transport().hold();
    events->sendEncoded(std::string(testing::StringTransport::kHighWater + 1, 'x'));
    wire.take();
    events->send({.data = "a"});
    events->close();
    EXPECT_EQ(wire.take(), chunk("data: a\n\n") + "0\r\n\r\n");
}

// A client that goes ends the stream.
TEST_F(EventStreamTest, endsWithItsClient) {
    ServerWire wire(streaming());
    wire.exchange(kGet);
    bool closed = false;
    events->whenClosed().addCallback([&closed] { closed = true; });
    wire.disconnect();
    EXPECT_TRUE(closed);
    EXPECT_FALSE(events->open());
    events->send({.data = "late"});
    bool at = false;
    events->whenClosed().addCallback([&at] { at = true; });
    EXPECT_TRUE(at) << "also when it is over already";
}

// A finished request cannot become a stream; one whose client has gone is a closed one.
TEST_F(EventStreamTest, needsARequestThatIsOpen) {
    Ref<Request> kept;
    ServerWire wire([&kept](Request& request) -> Rendered {
        kept = Ref<Request>(&request);
        if (request.path() == "/finished") {
            request.finish();
        }
        return NotDoneYet{};
    });
    wire.send("GET /finished HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_THROW(makeRef<EventStream>(*kept), std::logic_error);
    wire.send(kGet);
    wire.disconnect();
    EXPECT_FALSE(makeRef<EventStream>(*kept)->open());
}

// A topic sends to all, forgets who has gone, and ends all.
TEST_F(EventStreamTest, aTopicHasManySubscribers) {
    auto topic = makeRef<EventTopic>();
    const auto subscribing = [&topic](Request& request) -> Rendered {
        topic->subscribe(request);
        return NotDoneYet{};
    };
    ServerWire one(subscribing);
    ServerWire two(subscribing);
    ServerWire gone(subscribing);
    for (ServerWire* wire : {&one, &two, &gone}) {
        wire->exchange(kGet);
    }
    EXPECT_EQ(topic->subscribers(), 3U);
    gone.disconnect();
    EXPECT_EQ(topic->subscribers(), 2U);
    topic->publish({.data = "a"});
    EXPECT_EQ(one.take(), chunk("data: a\n\n"));
    EXPECT_EQ(two.take(), chunk("data: a\n\n"));
    topic->close();
    EXPECT_EQ(one.take(), "0\r\n\r\n");
    EXPECT_EQ(topic->subscribers(), 0U);
}

}  // namespace
}  // namespace marline::http
