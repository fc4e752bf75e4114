// Request: what a handler sees of it, and how it answers.
#include <marline/protocols/http/request.hpp>

#include <marline/deferred/deferred.hpp>
#include <marline/reactor/errors.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

class RequestTest : public test::ServerTest {
protected:
    /// The answer to `request` by `handler`, which finishes it itself.
    static std::string answer(const std::function<void(Request&)>& handler,
                              std::string_view request = "GET / HTTP/1.1\r\nHost: t\r\n\r\n") {
        ServerWire wire([&](Request& asked) -> Rendered {
            handler(asked);
            return NotDoneYet{};
        });
        return wire.exchange(request);
    }
};

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n";
constexpr const char* kHead = "HEAD / HTTP/1.1\r\nHost: t\r\n\r\n";
const std::string kOkDate = "HTTP/1.1 200 OK\r\nDate: D\r\n";
const std::string kHtml = "Content-Type: text/html\r\n\r\n";

// Everything a handler can ask of a request that it is given.
TEST_F(RequestTest, saysWhatWasSent) {
    bool asked = false;
    answer(
        [&](Request& request) {
            asked = true;
            EXPECT_EQ(request.method(), "POST");
            EXPECT_EQ(request.uri(), "/a%20b//c%2Fd?x=1?y");
            EXPECT_EQ(request.path(), "/a%20b//c%2Fd");
            EXPECT_EQ(request.query(), "x=1?y");  // only the first ? separates
            EXPECT_EQ(request.segments(), (std::vector<std::string>{"a b", "", "c/d"}));
            EXPECT_EQ(request.version(), Version::Http11);
            EXPECT_EQ(request.clientproto(), "HTTP/1.1");
            EXPECT_EQ(request.content(), "hi");
            EXPECT_EQ(request.getPeer().toString(), "192.0.2.2:54321");
            EXPECT_EQ(request.getHost().toString(), "192.0.2.1:80");
            EXPECT_EQ(request.getHeader("x-a"), "2");  // the last value
            EXPECT_EQ(request.getHeader("x-none"), std::nullopt);
            EXPECT_EQ(request.requestHeaders().getRawHeaders("X-A"),
                      (std::vector<std::string_view>{"1", "2"}));
            EXPECT_EQ(request.requestHeaders().size(), 4U);
            request.finish();
        },
        "POST /a%20b//c%2Fd?x=1?y HTTP/1.1\r\nHost: t\r\nX-A: 1\r\nX-A: 2\r\n"
        "Content-Length: 2\r\n\r\nhi");
    EXPECT_TRUE(asked);
}

// The fields are there without a body as well, before and after they are asked for as a whole.
TEST_F(RequestTest, hasItsFieldsWithoutABody) {
    answer(
        [&](Request& request) {
            EXPECT_EQ(request.getHeader("X-A"), "1");
            EXPECT_EQ(request.requestHeaders().get("x-a"), "1");
            EXPECT_EQ(request.getHeader("X-A"), "1");
            request.finish();
        },
        "GET / HTTP/1.1\r\nHost: t\r\nX-A: 1\r\n\r\n");
}

// Percent-decoding leaves alone what is no escape, and does not stop at NUL.
TEST_F(RequestTest, decodesSegments) {
    const auto segments = [](const std::string& target) {
        std::vector<std::string> got;
        answer(
            [&](Request& request) {
                got = request.segments();
                request.finish();
            },
            "GET " + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
        return got;
    };
    using Segments = std::vector<std::string>;
    EXPECT_EQ(segments("/"), (Segments{""}));
    EXPECT_EQ(segments("/a/"), (Segments{"a", ""}));
    EXPECT_EQ(segments("/%zz%4"), (Segments{"%zz%4"}));
    EXPECT_EQ(segments("/%41%7e"), (Segments{"A~"}));
    EXPECT_EQ(segments("/%2e%2E/x"), (Segments{"..", "x"}));
    EXPECT_EQ(segments("/a%00b"), (Segments{std::string("a\0b", 3)}));
    EXPECT_EQ(segments("http://t/x/y?/z"), (Segments{"x", "y"}));
    EXPECT_EQ(segments("http://t?/z"), (Segments{""}));
}

// A request that is kept lives on with all it had, while others are handled in its memory.
TEST_F(RequestTest, keepsWhatItWasWhenItIsKept) {
    std::vector<Ref<Request>> kept;
    ServerWire wire([&](Request& request) -> Rendered {
        kept.emplace_back(&request);
        return request.uri();
    });
    for (int i = 0; i < 3; ++i) {
        wire.exchange("GET /" + std::to_string(i) +
                      " HTTP/1.1\r\nHost: t\r\nX-N: " + std::to_string(i) + "\r\n\r\n");
    }
    wire.disconnect();
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(kept[i]->uri(), "/" + std::to_string(i));
        EXPECT_EQ(kept[i]->getHeader("X-N"), std::to_string(i));
        EXPECT_EQ(kept[i]->requestHeaders().size(), 2U);
        EXPECT_EQ(kept[i]->getPeer().toString(), "192.0.2.2:54321");
        EXPECT_EQ(kept[i]->getHost().kind, Address::Kind::None);
        EXPECT_TRUE(kept[i]->finished());
    }
}

// A request that is reused brings nothing of the one before.
TEST_F(RequestTest, startsAfreshWhenItIsReused) {
    int number = 0;
    ServerWire wire([&](Request& request) -> Rendered {
        EXPECT_EQ(request.responseCode(), 200);
        EXPECT_TRUE(request.responseHeaders().empty());
        if (++number == 1) {
            request.setResponseCode(404, "Gone Fishing");
            request.setHeader("X-A", "1");
            EXPECT_EQ(request.content(), "body");
            request.write("x");
            request.finish();
            return NotDoneYet{};
        }
        EXPECT_EQ(request.content(), "");
        EXPECT_EQ(request.segments(), (std::vector<std::string>{"b"}));
        EXPECT_EQ(request.requestHeaders().size(), 1U);
        return "y";
    });
    EXPECT_TRUE(wire.exchange("POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
                    .starts_with("HTTP/1.1 404 Gone Fishing\r\n"));
    EXPECT_EQ(wire.exchange("GET /b HTTP/1.1\r\nHost: t\r\n\r\n"),
              kOkDate + "Content-Length: 1\r\n" + kHtml + "y");
}

// the head goes out with the first write, and without a length the body is in chunks.
TEST_F(RequestTest, streamsInChunks) {
    Ref<Request> request;
    ServerWire wire([&](Request& asked) -> Rendered {
        request = Ref<Request>(&asked);
        return NotDoneYet{};
    });
    wire.send(kGet);
    EXPECT_EQ(wire.take(), "");
    request->write("hello");
    EXPECT_EQ(wire.take(), kOkDate + "Transfer-Encoding: chunked\r\n" + kHtml + "5\r\nhello\r\n");
    request->write("");  // an empty chunk would end the body
    EXPECT_EQ(wire.take(), "");
    request->write(std::string(16, 'x'));
    EXPECT_EQ(wire.take(), "10\r\nxxxxxxxxxxxxxxxx\r\n");
    request->finish();
    EXPECT_EQ(wire.take(), "0\r\n\r\n");
    EXPECT_TRUE(request->finished());
}

// also a write of nothing sends the head.
TEST_F(RequestTest, sendsTheHeadWithAnEmptyWrite) {
    ServerWire wire([](Request& request) -> Rendered {
        request.write("");
        return NotDoneYet{};
    });
    EXPECT_EQ(wire.exchange(kGet), kOkDate + "Transfer-Encoding: chunked\r\n" + kHtml);
}

// HTTP/1.0 knows no chunks; the close ends the body.
TEST_F(RequestTest, streamsUpToTheCloseInHttp10) {
    ServerWire wire([](Request& request) -> Rendered {
        request.write("hello");
        request.finish();
        return NotDoneYet{};
    });
    EXPECT_EQ(wire.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
              kOkDate + "Content-Type: text/html\r\nConnection: close\r\n\r\nhello");
    EXPECT_TRUE(wire.transport().writeEnded());
}

// A handler that knows the length may stream without chunks.
TEST_F(RequestTest, streamsWithALength) {
    EXPECT_EQ(answer([](Request& request) {
                  request.setHeader("Content-Length", "10");
                  request.write("hello");
                  request.write("world");
                  request.finish();
              }),
              kOkDate + "Content-Length: 10\r\n" + kHtml + "helloworld");
}

// What goes beyond the length would be read as another response: it is cut, and logged.
TEST_F(RequestTest, cutsWhatIsLongerThanItsLength) {
    EXPECT_EQ(answer([](Request& request) {
                  request.setHeader("Content-Length", "3");
                  request.write("hello");
                  request.finish();
              }),
              kOkDate + "Content-Length: 3\r\n" + kHtml + "hel");
    EXPECT_NE(errors().find("longer than its Content-Length"), std::string::npos);
}

// What stays below it leaves the client waiting: the connection is aborted.
TEST_F(RequestTest, abortsWhatIsShorterThanItsLength) {
    ServerWire wire([](Request& request) -> Rendered {
        request.setHeader("Content-Length", "10");
        request.write("hello");
        request.finish();
        return NotDoneYet{};
    });
    wire.send(kGet);
    EXPECT_TRUE(wire.transport().aborted());
    EXPECT_NE(errors().find("shorter than its Content-Length"), std::string::npos);
}

// A response that cannot be framed is an error of the handler: 500, and nothing of it is sent.
TEST_F(RequestTest, refusesFramingFieldsThatLie) {
    const auto with = [](std::string_view name, std::string_view value) {
        ServerWire wire([&](Request& request) -> Rendered {
            request.setHeader(name, value);
            return "hello";
        });
        return wire.exchange(kGet);
    };
    for (const char* const length :
         {"4", "6", "-5", "+5", "5x", "0x5", "", "5, 5", "99999999999999999999"}) {
        EXPECT_TRUE(with("Content-Length", length).starts_with("HTTP/1.1 500 ")) << length;
    }
    EXPECT_TRUE(with("Transfer-Encoding", "chunked").starts_with("HTTP/1.1 500 "));
    EXPECT_EQ(with("content-length", "5"), kOkDate + "Content-Length: 5\r\n" + kHtml + "hello");
    EXPECT_TRUE(answer([](Request& request) {
                    request.responseHeaders().addRawHeader("Content-Length", "0");
                    request.responseHeaders().addRawHeader("Content-Length", "0");
                    request.finish();
                }).starts_with("HTTP/1.1 500 "));
}

// Header injection is refused where the header is set.
TEST_F(RequestTest, refusesHeaderInjection) {
    EXPECT_TRUE(answer([](Request& request) {
                    EXPECT_THROW(request.setHeader("X", "a\r\nSet-Cookie: b"),
                                 std::invalid_argument);
                    EXPECT_THROW(request.redirect("/\r\nX: y"), std::invalid_argument);
                    EXPECT_THROW(request.setResponseCode(200, "a\r\nX: y"), std::invalid_argument);
                    EXPECT_THROW(request.setResponseCode(199), std::invalid_argument);
                    EXPECT_THROW(request.setResponseCode(1000), std::invalid_argument);
                    request.setResponseCode(200);
                    request.responseHeaders().clear();
                    request.finish("ok");
                }).ends_with("ok"));
}

// 204, 205 and 304 have no body, and only 205 says so by its length.
TEST_F(RequestTest, sendsNoBodyWhereThereIsNone) {
    const auto coded = [](int code, std::string_view request) {
        return answer(
            [&](Request& asked) {
                asked.setResponseCode(code);
                asked.finish("body");
            },
            request);
    };
    EXPECT_EQ(coded(204, kGet), "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\n");
    EXPECT_EQ(coded(205, kGet),
              "HTTP/1.1 205 Reset Content\r\nDate: D\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(coded(304, kGet), "HTTP/1.1 304 Not Modified\r\nDate: D\r\n\r\n");
    EXPECT_EQ(coded(200, kHead), kOkDate + "Content-Length: 4\r\n" + kHtml);
}

// a streamed response to HEAD is its head alone, with the length when that is known.
TEST_F(RequestTest, streamsNothingToHead) {
    const auto stream = [](Request& request) {
        request.write("hello");
        request.write("world");
        request.finish();
    };
    EXPECT_EQ(answer(stream, kHead), kOkDate + kHtml);
    EXPECT_EQ(answer(
                  [&](Request& request) {
                      request.setHeader("Content-Length", "10");
                      stream(request);
                  },
                  kHead),
              kOkDate + "Content-Length: 10\r\n" + kHtml);
}

// a body has a type unless the handler or the site says otherwise; no body has none.
TEST_F(RequestTest, givesBodiesAType) {
    EXPECT_EQ(answer([](Request& request) { request.finish(); }),
              kOkDate + "Content-Length: 0\r\n\r\n");
    SiteOptions untyped;
    untyped.defaultContentType = "";
    ServerWire wire([](Request&) -> Rendered { return "x"; }, untyped);
    EXPECT_EQ(wire.exchange(kGet), kOkDate + "Content-Length: 1\r\n\r\nx");
}

// A Date or Connection of the handler's own takes the place of the server's.
TEST_F(RequestTest, leavesTheHandlersOwnFields) {
    ServerWire wire([](Request& request) -> Rendered {
        request.setHeader("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        request.setHeader("connection", "x , Close");
        return "";
    });
    wire.send(kGet);
    EXPECT_EQ(wire.transport().value(),
              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
              "connection: x , Close\r\n\r\n");
    EXPECT_TRUE(wire.transport().writeEnded()) << "close was said, so it is done";
}

// any code with a usual phrase, its class's, or the handler's own.
TEST_F(RequestTest, sendsCodeAndPhrase) {
    const auto status = [](int code, std::string_view phrase) {
        const std::string all = answer([&](Request& request) {
            request.setResponseCode(code, phrase);
            request.finish("x");
        });
        return all.substr(0, all.find("\r\n"));
    };
    EXPECT_EQ(status(404, ""), "HTTP/1.1 404 Not Found");
    EXPECT_EQ(status(200, "Fine"), "HTTP/1.1 200 Fine");
    EXPECT_EQ(status(499, ""), "HTTP/1.1 499 Client Error");
}

// redirect() sets code and Location; the handler still finishes.
TEST_F(RequestTest, redirects) {
    EXPECT_EQ(answer([](Request& request) {
                  request.redirect("/elsewhere");
                  request.finish();
              }),
              "HTTP/1.1 302 Found\r\nDate: D\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n");
}

// A small response is one write; a large body is not copied behind its head.
TEST_F(RequestTest, writesAResponseAtOnce) {
    ServerWire wire([](Request& request) -> Rendered {
        return std::string(request.uri() == "/small" ? 8192 : 8193, 'x');
    });
    wire.send("GET /small HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(wire.transport().writes(), 1U);
    wire.transport().clear();
    wire.send("GET /large HTTP/1.1\r\nHost: t\r\n\r\n");
    EXPECT_EQ(wire.transport().writes(), 2U);
    EXPECT_TRUE(wire.take().ends_with("\r\n\r\n" + std::string(8193, 'x')));
}

// Large chunks are framed like small ones.
TEST_F(RequestTest, framesLargeChunks) {
    EXPECT_TRUE(answer([](Request& request) {
                    request.write(std::string(9000, 'x'));
                    request.finish();
                }).ends_with("\r\n\r\n2328\r\n" + std::string(9000, 'x') + "\r\n0\r\n\r\n"));
}

// misuse after the end is told at the call.
TEST_F(RequestTest, refusesToGoOnAfterItsEnd) {
    answer([](Request& request) {
        request.finish("x");
        EXPECT_THROW(request.finish(), std::logic_error);
        EXPECT_THROW(request.finish("y"), std::logic_error);
        EXPECT_THROW(request.write("y"), std::logic_error);
    });
}

// A client that has gone is no misuse: writing and finishing do nothing (unlike Twisted, Q-13).
TEST_F(RequestTest, doesNothingWhenTheClientHasGone) {
    Ref<Request> request;
    ServerWire wire([&](Request& asked) -> Rendered {
        request = Ref<Request>(&asked);
        return NotDoneYet{};
    });
    wire.send(kGet);
    wire.disconnect();
    EXPECT_TRUE(request->finished());
    request->write("x");
    request->finish("x");
    request->finish();
    EXPECT_EQ(wire.take(), "");
}

// each notifyFinish() is a Deferred of its own, fired by the end of the response.
TEST_F(RequestTest, notifiesOfItsEnd) {
    Ref<Request> request;
    ServerWire wire([&](Request& asked) -> Rendered {
        request = Ref<Request>(&asked);
        return NotDoneYet{};
    });
    wire.send(kGet);
    int ended = 0;
    request->notifyFinish().addCallback([&] { ++ended; });
    request->notifyFinish().addCallback([&] { ++ended; });
    EXPECT_EQ(ended, 0);
    request->finish();
    EXPECT_EQ(ended, 2);
    request->notifyFinish().addCallback([&] { ++ended; });
    EXPECT_EQ(ended, 3) << "asked afterwards, it has fired already";
}

// and failed by the client's going, with the reason.
TEST_F(RequestTest, notifiesOfTheClientsGoing) {
    Ref<Request> request;
    ServerWire wire([&](Request& asked) -> Rendered {
        request = Ref<Request>(&asked);
        return NotDoneYet{};
    });
    wire.send(kGet);
    std::vector<std::string> reasons;
    const auto note = [&](const Failure& why) { reasons.push_back(why.typeName()); };
    request->notifyFinish().addErrback(note);
    wire.disconnect();
    request->notifyFinish().addErrback(note);
    EXPECT_EQ(reasons, (std::vector<std::string>(2, "marline::ConnectionDone")));
}

/// Writes what it is told, and remembers what it was asked.
struct RecordingProducer final : IProducer {
    void resumeProducing() override { said += "resume "; }
    void pauseProducing() override { said += "pause "; }
    void stopProducing() override { said += "stop "; }
    std::string said;
};

/// A request that is being answered, over a transport that takes nothing.
struct Streaming {
    Streaming()
        : wire([this](Request& asked) -> Rendered {
              request = Ref<Request>(&asked);
              return NotDoneYet{};
          }) {
        wire.send(kGet);
        wire.transport().hold();
    }
    Ref<Request> request;
    ServerWire wire;
};

// H-22: a push producer is paused and resumed by the connection.
TEST_F(RequestTest, pacesAPushProducer) {
    Streaming stream;
    RecordingProducer producer;
    stream.request->registerProducer(producer, Producing::Push);
    stream.request->write(std::string(70'000, 'x'));
    EXPECT_EQ(producer.said, "pause ");
    stream.wire.transport().drain();
    EXPECT_EQ(producer.said, "pause resume ");
    stream.request->unregisterProducer();
    stream.request->finish();
    EXPECT_EQ(errors(), "");
}

// a pull producer is asked for each piece.
TEST_F(RequestTest, asksAPullProducer) {
    Streaming stream;
    RecordingProducer producer;
    stream.request->registerProducer(producer, Producing::Pull);
    EXPECT_EQ(producer.said, "resume ");
    stream.request->write("x");
    stream.wire.transport().drain();
    EXPECT_EQ(producer.said, "resume resume ");
    stream.request->unregisterProducer();
    stream.request->finish();
}

// After a request with a producer the connection is paced as before.
TEST_F(RequestTest, givesThePacingBack) {
    Streaming stream;
    RecordingProducer producer;
    IProducer* const before = stream.wire.transport().producer();
    stream.request->registerProducer(producer, Producing::Push);
    EXPECT_EQ(stream.wire.transport().producer(), &producer);
    stream.request->unregisterProducer();
    EXPECT_EQ(stream.wire.transport().producer(), before);
    stream.request->unregisterProducer();
    EXPECT_EQ(stream.wire.transport().producer(), before);
    stream.request->finish();
}

// finishing with a producer is logged, and the producer forgotten.
TEST_F(RequestTest, forgetsAProducerThatWasLeft) {
    Streaming stream;
    RecordingProducer producer;
    stream.request->registerProducer(producer, Producing::Push);
    stream.request->finish();
    EXPECT_NE(errors().find("producer"), std::string::npos);
    EXPECT_NE(stream.wire.transport().producer(), &producer);
    EXPECT_EQ(producer.said, "");
}

// one producer at a time.
TEST_F(RequestTest, refusesASecondProducer) {
    Streaming stream;
    RecordingProducer producer;
    stream.request->registerProducer(producer, Producing::Push);
    EXPECT_THROW(stream.request->registerProducer(producer, Producing::Push), std::logic_error);
    stream.request->unregisterProducer();
    stream.request->finish();
    EXPECT_THROW(stream.request->registerProducer(producer, Producing::Push), std::logic_error);
}

// A producer is stopped, once, when the client goes in either way, and none is taken afterwards.
TEST_F(RequestTest, stopsTheProducerWhenTheClientGoes) {
    for (const bool byStream : {false, true}) {
        Streaming stream;
        RecordingProducer producer;
        stream.request->registerProducer(producer, Producing::Push);
        if (byStream) {
            stream.wire.endInput();
        }
        stream.wire.disconnect();
        EXPECT_EQ(producer.said, "stop ");
        RecordingProducer late;
        stream.request->registerProducer(late, Producing::Push);
        EXPECT_EQ(late.said, "stop ");
        stream.request->unregisterProducer();
    }
}

}  // namespace
}  // namespace marline::http
