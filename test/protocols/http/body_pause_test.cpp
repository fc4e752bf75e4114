// Request::pauseBody() and resumeBody(): who takes a body sets its pace.
#include <marline/protocols/http/request.hpp>

#include <marline/protocols/http/body_sink.hpp>
#include <marline/protocols/http/http_error.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/protocols/http/site.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using namespace std::chrono_literals;
using test::ServerWire;

/// Takes bodies as a test says, and answers with `taken`.
class Pacing final : public Resource {
public:
    using Hook = std::function<void(Request&)>;

    Ref<BodySink> bodySink(Request& asked) override {
        request = Ref<Request>(&asked);
        if (onBegin) {
            onBegin(asked);
        }
        return makeRef<Sink>(*this);
    }
    Rendered render(Request&) override { return std::string("taken"); }

    Hook onBegin;
    Hook onWrite;
    Hook onFinish;
    std::string got;
    Ref<Request> request;  // the last

private:
    class Sink final : public BodySink {
    public:
        explicit Sink(Pacing& to) : to_(to) {}
        std::uint64_t maxBody() const noexcept override { return 1'000'000; }
        void write(std::string_view piece) override {
            to_.got += piece;
            if (to_.onWrite) {
                to_.onWrite(*to_.request);
            }
        }
        void finish() override {
            to_.got += '.';
            if (to_.onFinish) {
                to_.onFinish(*to_.request);
            }
        }

    private:
        Pacing& to_;  // the site keeps it
    };
};

class BodyPauseTest : public test::ServerTest {
protected:
    static std::string post(std::size_t length) {
        return "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(length) +
               "\r\n\r\n";
    }
    static SiteOptions times() {
        SiteOptions options;
        options.bodyTimeout = 7s;
        options.keepAliveTimeout = 40s;
        return options;
    }
    static void pause(Request& request) { request.pauseBody(); }
    void TearDown() override {
        pacing_->request.reset();  // which keeps the site, which keeps pacing_
        ServerTest::TearDown();
    }

    Ref<Pacing> pacing_ = makeRef<Pacing>();
    ServerWire wire_{Ref<Resource>(pacing_), times()};
};

const char* const kChunks =
    "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
    "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n";

// In bodySink(), before any of the body came: nothing is written until it is resumed.
TEST_F(BodyPauseTest, beginsPaused) {
    pacing_->onBegin = pause;
    wire_.send(post(5) + "he");
    wire_.send("llo");
    EXPECT_EQ(pacing_->got, "");
    pacing_->request->resumeBody();
    EXPECT_EQ(pacing_->got, "hello.");
    EXPECT_TRUE(wire_.take().ends_with("taken"));
}

// In write(): the next piece waits, also when it is there already; each pause wants its resume.
TEST_F(BodyPauseTest, pausesBetweenPieces) {
    pacing_->onWrite = pause;
    wire_.send(kChunks);
    EXPECT_EQ(pacing_->got, "ab");
    pacing_->request->resumeBody();
    EXPECT_EQ(pacing_->got, "abcd");
    EXPECT_EQ(wire_.take(), "");
    pacing_->request->resumeBody();
    EXPECT_EQ(pacing_->got, "abcd.");
    EXPECT_TRUE(wire_.take().ends_with("taken"));
}

// In the last write(): the handler waits too, and so does the next request.
TEST_F(BodyPauseTest, holdsTheHandlerBack) {
    pacing_->onWrite = pause;
    wire_.send(post(5) + "hello" + post(2) + "ok");
    EXPECT_EQ(pacing_->got, "hello");
    EXPECT_EQ(wire_.take(), "");
    pacing_->request->resumeBody();
    EXPECT_EQ(pacing_->got, "hello.ok");
    pacing_->request->resumeBody();
    EXPECT_EQ(pacing_->got, "hello.ok.");
    const std::string both = wire_.take();
    EXPECT_NE(both.find("taken"), both.rfind("taken")) << both;
}

// Inside of write(): a pause that is over before it returns is none.
TEST_F(BodyPauseTest, resumesInsideOfWrite) {
    int depth = 0;
    pacing_->onWrite = [&](Request& request) {
        EXPECT_EQ(++depth, 1);
        request.pauseBody();
        request.resumeBody();
        --depth;
    };
    wire_.send(kChunks);
    EXPECT_EQ(pacing_->got, "abcd.");
    EXPECT_TRUE(wire_.take().ends_with("taken"));
}

// Without a pause resumeBody() does nothing; nor does pauseBody() once the body is whole.
TEST_F(BodyPauseTest, meansNothingAtOtherTimes) {
    pacing_->onWrite = [](Request& request) { request.resumeBody(); };
    pacing_->onFinish = pause;
    wire_.send(post(5) + "hello");
    EXPECT_TRUE(wire_.take().ends_with("taken"));
    pacing_->request->pauseBody();
    pacing_->onFinish = nullptr;
    wire_.send(post(2) + "ok");
    EXPECT_EQ(pacing_->got, "hello.ok.");
    EXPECT_TRUE(wire_.take().ends_with("taken"));
}

// What comes meanwhile is held up to 16 KiB and one read; then reading pauses, until the resume.
TEST_F(BodyPauseTest, pausesReadingWhenTooMuchWaits) {
    constexpr std::size_t kHeld = 16 * 1024;
    pacing_->onBegin = pause;
    wire_.send(post(2 * kHeld));
    wire_.send(std::string(kHeld, 'x'));
    EXPECT_FALSE(wire_.transport().paused());
    wire_.send("x");
    EXPECT_TRUE(wire_.transport().paused());
    pacing_->request->resumeBody();
    EXPECT_FALSE(wire_.transport().paused());
    EXPECT_EQ(pacing_->got.size(), kHeld + 1);
    wire_.send(std::string(kHeld - 1, 'x'));
    EXPECT_EQ(pacing_->got, std::string(2 * kHeld, 'x') + '.');
    EXPECT_TRUE(wire_.take().ends_with("taken"));
}

// The client is not blamed for a pause, however long; afterwards it has the whole time again.
TEST_F(BodyPauseTest, doesNotBlameTheClient) {
    pacing_->onBegin = pause;
    wire_.send(post(5));
    wire_.clock().advance(24h);
    EXPECT_EQ(wire_.take(), "");
    pacing_->request->resumeBody();
    wire_.clock().advance(7s - 1ns);
    EXPECT_EQ(wire_.take(), "");
    wire_.clock().advance(1ns);
    EXPECT_TRUE(wire_.take().starts_with("HTTP/1.1 408 "));
}

// A client that goes while its body is paused: the sink hears no more of it, nor does a resume.
TEST_F(BodyPauseTest, forgetsAClientThatGoes) {
    pacing_->onWrite = pause;
    wire_.send(post(10) + "hello");
    wire_.send("you");
    wire_.disconnect();
    pacing_->request->resumeBody();
    pacing_->request->pauseBody();
    EXPECT_EQ(pacing_->got, "hello");
}

// The same for a client that ends its stream.
TEST_F(BodyPauseTest, forgetsAClientThatEndsItsStream) {
    pacing_->onWrite = pause;
    wire_.send(post(10) + "hello");
    wire_.endInput();
    pacing_->request->resumeBody();
    EXPECT_EQ(pacing_->got, "hello");
    EXPECT_TRUE(wire_.transport().disconnecting());
}

// A body that was refused is not resumed.
TEST_F(BodyPauseTest, staysRefused) {
    pacing_->onWrite = [](Request& request) {
        request.pauseBody();
        throw HttpError(403, "not this");
    };
    wire_.send(post(10) + "hello");
    EXPECT_TRUE(wire_.take().starts_with("HTTP/1.1 403 "));
    pacing_->request->resumeBody();
    wire_.send("there");
    EXPECT_EQ(pacing_->got, "hello");
    EXPECT_EQ(wire_.take(), "");
}

// A request that is over cannot pause the one that follows it.
TEST_F(BodyPauseTest, isOfItsOwnRequestOnly) {
    wire_.send(post(2) + "ok");
    const Ref<Request> before = pacing_->request;
    pacing_->onBegin = [&](Request&) { before->pauseBody(); };
    wire_.send(post(2) + "ok");
    EXPECT_EQ(pacing_->got, "ok.ok.");
    pacing_->onBegin = pause;
    wire_.send(post(2) + "ok");
    before->resumeBody();
    EXPECT_EQ(pacing_->got, "ok.ok.");
    pacing_->request->resumeBody();
    EXPECT_EQ(pacing_->got, "ok.ok.ok.");
}

}  // namespace
}  // namespace marline::http
