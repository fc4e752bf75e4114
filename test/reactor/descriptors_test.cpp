// A process without a free descriptor: what is opened then fails with EMFILE, and nothing is left
// behind.
#include <marline/reactor/reactor.hpp>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/datagram.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/stdio.hpp>

#include "test/reactor/stream_pair.hpp"

namespace {

using namespace marline;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::StreamKind;
using test::StreamPair;
using test::TempFolder;

/// While it lives, no descriptor can be opened.
class NoDescriptors {
public:
    NoDescriptors() {
        getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none{3, before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &none);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// The error of what `call` throws without a descriptor; 0 when it throws nothing.
template <class Call>
int errorWithoutDescriptors(Call&& call) {
    const NoDescriptors none;
    try {
        call();
    } catch (const CannotListenError& error) {
        return error.code().value();
    } catch (const std::system_error& error) {
        return error.code().value();
    }
    return 0;
}

// C-1: listening throws CannotListenError with EMFILE, and no file or lock stays behind.
TEST(OutOfDescriptors, listeningFails) {
    Reactor reactor;
    TempFolder folder;
    const auto factory = recorderFactory(std::make_shared<Record>());
    EXPECT_EQ(errorWithoutDescriptors([&] { reactor.listenTcp(0, factory); }), EMFILE);
    EXPECT_EQ(errorWithoutDescriptors([&] { reactor.listenUdp(0, makeRef<DatagramProtocol>()); }),
              EMFILE);
    EXPECT_EQ(errorWithoutDescriptors([&] { reactor.listenUnix(folder / "s", factory); }), EMFILE);
    EXPECT_EQ(errorWithoutDescriptors(
                  [&] { reactor.listenUnix(folder / "s", factory, {.wantPid = true}); }),
              EMFILE);
    EXPECT_TRUE(folder.names().empty());
}

// C-12: connecting fails with a ConnectError, and passing or adopting throws.
TEST(OutOfDescriptors, connectingAndCopyingFail) {
    StreamPair pair(StreamKind::Unix);
    pair.connect();
    const auto attempt = [&] {
        return outcomeOf(pair.reactor, pair.connectTo(pair.port, recorderFactory(pair.client)));
    };
    const auto made = [&] {
        const NoDescriptors none;
        return attempt();
    }();
    ASSERT_NE(made.failure().check<ConnectError>(), nullptr);
    EXPECT_EQ(made.failure().check<ConnectError>()->code().value(), EMFILE);
    IUnixTransport& sender = *asUnixTransport(*pair.client->transport);
    EXPECT_EQ(errorWithoutDescriptors([&] { sender.sendFileDescriptor(0); }), EMFILE);
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
    const auto datagrams = makeRef<DatagramProtocol>();
    EXPECT_EQ(
        errorWithoutDescriptors([&] { pair.reactor.adoptDatagramPort(socket.get(), datagrams); }),
        EMFILE);
    pair.client->transport->write("still here");
    pair.until([&] { return pair.server->received == "still here"; });
}

// C-8: a UNIX port pauses when there is none to accept with, and goes on afterwards.
TEST(OutOfDescriptors, acceptingPauses) {
    test::CatchLog log;
    StreamPair pair(StreamKind::Unix);
    auto attempt = pair.connectTo(pair.port, recorderFactory(pair.client));
    std::vector<std::string> lines;
    {
        const NoDescriptors none;
        pair.until([&] {
            lines = log.take();
            return !lines.empty();
        });
        EXPECT_EQ(pair.port->connections(), 0U);
    }
    EXPECT_THAT(lines, ::testing::ElementsAre(::testing::HasSubstr("maxConnections")));
    pair.until([&] { return pair.port->connections() == 1; });
    EXPECT_TRUE(outcomeOf(pair.reactor, attempt).ok());
}

}  // namespace
