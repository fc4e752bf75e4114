// Files that leave by sendfile(2): what holds for files that are read holds for them.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/http/access_log.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/proxy_protocol.hpp>

#include "sent_files.hpp"

namespace marline::http {
namespace {

using test::pattern;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::size_t kLarge = 3'000'003;

class SentFilesTest : public test::SentFiles {
protected:
    SentFilesTest() {
        folder.write("large", large);
        folder.write("small", "small");
    }

    const std::string large = pattern(kLarge);
};

enum class Kind { Tcp, Unix, Proxied };

std::ostream& operator<<(std::ostream& out, Kind kind) {
    constexpr const char* kNames[] = {"Tcp", "Unix", "Proxied"};
    return out << kNames[static_cast<int>(kind)];
}

class SentFilesOnEach : public SentFilesTest, public ::testing::WithParamInterface<Kind> {
protected:
    void listen(const Ref<IProtocolFactory>& server) override {
        if (GetParam() == Kind::Unix) {
            SentFiles::listen(server);
            return;
        }
        const bool proxied = GetParam() == Kind::Proxied;
        if (proxied) {
            client->onMade = [](ITransport& t) { t.write("PROXY UNKNOWN\r\n"); };
        }
        port = reactor.listenTcp(0, proxied ? proxyServerFactory(reactor, server) : server,
                                 {.interface = "127.0.0.1"});
        reactor.connectTcp(port->getHost(), marline::test::recorderFactory(client));
    }

    Ref<IListeningPort> port;
};

INSTANTIATE_TEST_SUITE_P(, SentFilesOnEach, ::testing::Values(Kind::Tcp, Kind::Unix, Kind::Proxied),
                         ::testing::PrintToStringParamName());

// Z-24: requests that come together are answered whole and in order, and the connection goes on.
TEST_P(SentFilesOnEach, answersInOrder) {
    serve();
    send(get("/large") + get("/small") + "HEAD /large HTTP/1.1\r\nHost: t\r\n\r\n" +
         get("/large", "Range: bytes=7-2500000\r\n") + get("/none"));
    expectBody(large);
    expectBody("small");
    std::string& all = client->received;
    runUntil([&] { return all.find("206 Partial") != std::string::npos; });
    const std::string head = all.substr(0, all.find("\r\n\r\n") + 4);
    EXPECT_THAT(head, HasSubstr("Content-Length: 3000003\r\n"));
    all.erase(0, head.size());
    const auto [partHead, part] = answer();
    EXPECT_THAT(partHead, HasSubstr("Content-Range: bytes 7-2500000/3000003\r\n"));
    EXPECT_TRUE(part == large.substr(7, 2'499'994));
    EXPECT_THAT(answer().first, HasSubstr("404"));
    send(get("/large"));
    expectBody(large);
}

// The parts of a multipart stand between their texts, large ones and small ones.
TEST_P(SentFilesOnEach, severalRangesAreSent) {
    serve();
    send(get("/large", "Range: bytes=10-1999999, 5-5, 2000000-2999999, -3\r\n"));
    const auto [head, body] = answer();
    const std::size_t at = head.find("boundary=") + 9;
    const std::string boundary = head.substr(at, head.find("\r\n", at) - at);
    std::string expected;
    for (const auto& [first, last] : std::vector<std::pair<std::size_t, std::size_t>>{
             {10, 1'999'999}, {5, 5}, {2'000'000, 2'999'999}, {3'000'000, 3'000'002}}) {
        expected += "\r\n--" + boundary +
                    "\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes " +
                    std::to_string(first) + "-" + std::to_string(last) + "/3000003\r\n\r\n" +
                    large.substr(first, last - first + 1);
    }
    EXPECT_TRUE(body == expected + "\r\n--" + boundary + "--\r\n");
}

// the access log has as many bytes as the body, once it has been sent.
TEST_F(SentFilesTest, theLogKnowsTheBytes) {
    struct Noted final : AccessLog {
        void answered(Request& request) override { bytes.push_back(request.sentBytes()); }
        std::vector<std::uint64_t> bytes;
    };
    const auto noted = makeRef<Noted>();
    serve({}, {.accessLog = noted});
    send(get("/large") + get("/large", "Range: bytes=0-1999999\r\n"));
    untilStuck();
    EXPECT_THAT(noted->bytes, ElementsAre()) << "it has not been sent yet";
    client->transport->resumeProducing();
    answer();
    answer();
    EXPECT_THAT(noted->bytes, ElementsAre(kLarge, 2'000'000U));
}

// A client that takes nothing is cut off behind SiteOptions::sendTimeout, in the middle of a file.
TEST_F(SentFilesTest, whoTakesNothingIsCutOff) {
    serve({}, {.sendTimeout = 7s});
    send(get("/large"));
    untilStuck();
    clock.advance(7s);
    EXPECT_EQ(site->connections(), 1U);
    clock.advance(7s);
    client->transport->resumeProducing();
    untilGone();
    EXPECT_LT(client->received.size(), kLarge);
    EXPECT_THAT(log.take(), Contains(HasSubstr("SiteOptions::sendTimeout")));
}

// One that is slow is not, however long it takes for a piece: every byte that it takes counts.
TEST_F(SentFilesTest, whoIsSlowIsNotCutOff) {
    constexpr std::size_t kStep = 300'000;
    serve({}, {.sendTimeout = 7s});
    send(get("/large"));
    untilStuck();
    for (std::size_t wanted = kStep; wanted < kLarge; wanted += kStep) {
        client->transport->resumeProducing();
        runUntil([&] { return client->received.size() >= wanted || client->lost; });
        untilStuck();
        clock.advance(7s);
        ASSERT_EQ(site->connections(), 1U) << "at " << wanted;
    }
    client->transport->resumeProducing();
    expectBody(large);
}

// A file that becomes shorter cannot keep its promise: the connection ends, and nothing stands in
// for what is missing.
TEST_F(SentFilesTest, aFileThatIsCutEndsTheConnection) {
    serve();
    send(get("/large") + get("/small"));
    untilStuck();
    std::filesystem::resize_file(folder / "large", 1'100'000);
    client->transport->resumeProducing();
    untilGone();
    EXPECT_LT(client->received.size(), 1'101'000U);
    EXPECT_EQ(client->received.find("HTTP/1.1", 1), std::string::npos);
    EXPECT_THAT(log.take(), Contains(HasSubstr("GET /large: sendFile() stopped after")));
}

// Z-24: a client that goes leaves no descriptor behind, the file's nor that of the piece under way.
TEST_F(SentFilesTest, aClientThatGoesClosesTheFile) {
    serve();
    const std::size_t before = test::openDescriptors();
    send(get("/large"));
    untilStuck();
    EXPECT_EQ(test::openDescriptors(), before + 2);
    client->transport->abortConnection();
    untilGone();
    EXPECT_EQ(test::openDescriptors(), before - 2) << "its socket is closed, too, at both ends";
}

// A client that ends its stream counts as gone: what is left of the file is not sent.
TEST_F(SentFilesTest, aClientThatEndsItsStreamGetsNoMore) {
    client->halfClose = true;
    serve();
    send(get("/large"));
    untilStuck();
    client->transport->loseWriteConnection();
    for (int i = 0; i < 200; ++i) {
        reactor.iterate();
    }
    client->transport->resumeProducing();
    untilGone();
    EXPECT_GT(client->received.size(), 0U);
    EXPECT_LT(client->received.size(), 1'000'000U) << "not even the piece that was under way";
}

// A shutdown lets the file be sent, and closes behind it.
TEST_F(SentFilesTest, aShutdownWaitsForTheFile) {
    serve();
    send(get("/large"));
    untilStuck();
    std::optional<ShutdownReport> report;
    site->shutdown(10s).addCallback([&](const ShutdownReport& done) { report = done; });
    client->transport->resumeProducing();
    expectBody(large);
    runUntil([&] { return report.has_value(); });
    EXPECT_EQ(report->finished, 1U);
    EXPECT_EQ(report->forced, 0U);
}

// And cuts it when the grace is over.
TEST_F(SentFilesTest, aShutdownDoesNotWaitForEver) {
    serve();
    send(get("/large"));
    untilStuck();
    std::optional<ShutdownReport> report;
    site->shutdown(10s).addCallback([&](const ShutdownReport& done) { report = done; });
    clock.advance(10s);
    runUntil([&] { return report.has_value(); });
    EXPECT_EQ(report->forced, 1U);
    client->transport->resumeProducing();
    untilGone();
    EXPECT_LT(client->received.size(), kLarge);
}

// Without a descriptor for the next piece it is read instead.
TEST_F(SentFilesTest, needsNoDescriptorToGoOn) {
    serve();
    send(get("/large"));
    untilStuck();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{3, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    client->transport->resumeProducing();
    const std::string body = answer().second;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(body == large);
}

}  // namespace
}  // namespace marline::http
