// Descriptors that pass through UNIX sockets: U-11.
#include <marline/reactor/unix.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>

#include "test/reactor/stream_pair.hpp"

namespace {

using namespace marline;
using test::outcomeOf;
using test::Record;
using test::recorderFactory;
using test::runUntil;
using test::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Notes what comes, descriptors and bytes, in order.
class DescriptorRecorder final : public Protocol, public IFileDescriptorReceiver {
public:
    void fileDescriptorReceived(UniqueFd fd) override {
        events += 'f';
        descriptors.push_back(std::move(fd));
        if (onDescriptor) {
            onDescriptor(*this);
        }
    }
    void dataReceived(std::span<const std::byte> data) override { events += asText(data); }
    void connectionLost(const Failure& reason) override {
        lost = reason;
        Protocol::connectionLost(reason);
    }

    std::string events;
    std::vector<UniqueFd> descriptors;
    std::function<void(DescriptorRecorder&)> onDescriptor;
    std::optional<Failure> lost;
};

/// A client that sends to a DescriptorRecorder.
struct PassingPair {
    PassingPair() {
        port = reactor.listenUnix(folder / "s",
                                  factoryOf([this](const Address&) { return receiver; }));
        EXPECT_TRUE(
            outcomeOf(reactor, reactor.connectUnix(folder / "s", recorderFactory(client))).ok());
        runUntil(reactor, [&] { return receiver->transport() != nullptr; });
    }
    IUnixTransport& sender() const { return *asUnixTransport(*client->transport); }

    TempFolder folder;
    Ref<DescriptorRecorder> receiver = makeRef<DescriptorRecorder>();
    std::shared_ptr<Record> client = std::make_shared<Record>();
    Reactor reactor;
    Ref<IListeningPort> port;
};

/// A pipe with something in it.
struct FullPipe {
    explicit FullPipe(std::string_view text) {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        read = UniqueFd(ends[0]);
        write = UniqueFd(ends[1]);
        EXPECT_EQ(::write(write.get(), text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
    }
    UniqueFd read;
    UniqueFd write;
};

std::string readFrom(int fd) {
    char text[64];
    const ssize_t got = ::read(fd, text, sizeof text);
    return got > 0 ? std::string(text, static_cast<std::size_t>(got)) : "";
}

// U-11: a descriptor arrives before the byte it rides on, usable, and closed on exec.
TEST(PassedDescriptors, descriptorsArriveBeforeTheirBytes) {
    PassingPair pair;
    FullPipe pipe("through the pipe");
    pair.sender().sendFileDescriptor(pipe.read.get());
    pipe.read.reset();  // the copy is what is sent
    pair.client->transport->write("x");
    runUntil(pair.reactor, [&] { return pair.receiver->events == "fx"; });
    const int fd = pair.receiver->descriptors.at(0).get();
    EXPECT_EQ(readFrom(fd), "through the pipe");
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

// U-11: several ride on as many bytes, in order.
TEST(PassedDescriptors, severalDescriptorsArriveInOrder) {
    PassingPair pair;
    for (const char* text : {"one", "two", "three"}) {
        pair.sender().sendFileDescriptor(FullPipe(text).read.get());
    }
    pair.client->transport->write("xyz");
    runUntil(pair.reactor, [&] { return pair.receiver->events == "fffxyz"; });
    EXPECT_EQ(readFrom(pair.receiver->descriptors[0].get()), "one");
    EXPECT_EQ(readFrom(pair.receiver->descriptors[1].get()), "two");
    EXPECT_EQ(readFrom(pair.receiver->descriptors[2].get()), "three");
}

// U-11: more than one message carries take the bytes of several.
TEST(PassedDescriptors, moreDescriptorsThanAMessageCarries) {
    PassingPair pair;
    FullPipe pipe("shared");
    for (int i = 0; i < 300; ++i) {
        pair.sender().sendFileDescriptor(pipe.read.get());
    }
    pair.client->transport->write(std::string(300, 'x'));
    runUntil(pair.reactor, [&] {
        return pair.receiver->descriptors.size() == 300 && pair.receiver->events.size() == 600;
    });
    EXPECT_EQ(readFrom(pair.receiver->descriptors.back().get()), "shared");
}

// U-11: large writes, which go to the kernel at once, carry them too.
TEST(PassedDescriptors, descriptorsRideOnLargeWrites) {
    PassingPair pair;
    FullPipe pipe("large");
    pair.sender().sendFileDescriptor(pipe.read.get());
    const std::string large(1'000'000, 'x');
    pair.client->transport->write(large);
    runUntil(pair.reactor, [&] { return pair.receiver->events.size() == 1 + large.size(); });
    EXPECT_EQ(pair.receiver->events[0], 'f');
    EXPECT_EQ(pair.receiver->descriptors.size(), 1U);
}

// U-11: without a byte for each the connection is closed.
TEST(PassedDescriptors, tooFewBytesAreAnOverrun) {
    PassingPair pair;
    FullPipe pipe("x");
    pair.sender().sendFileDescriptor(pipe.read.get());
    pair.sender().sendFileDescriptor(pipe.read.get());
    pair.client->transport->write("x");
    runUntil(pair.reactor, [&] { return pair.client->lost && pair.receiver->lost; });
    EXPECT_NE(pair.client->lost->check<FileDescriptorOverrun>(), nullptr);
    EXPECT_THAT(pair.client->lost->message(), HasSubstr("2 descriptors"));
    EXPECT_EQ(pair.receiver->events, "");
}

// U-11: descriptors that the protocol does not want are closed, and that is logged.
TEST(PassedDescriptors, unwantedDescriptorsAreClosed) {
    test::CatchLog log;
    test::StreamPair pair(test::StreamKind::Unix);
    pair.connect();
    FullPipe pipe("");
    asUnixTransport(*pair.client->transport)->sendFileDescriptor(pipe.write.get());
    pair.client->transport->write("x");
    runUntil(pair.reactor, [&] { return pair.server->received == "x"; });
    EXPECT_THAT(log.take(), ElementsAre(HasSubstr("IFileDescriptorReceiver")));
    pipe.write.reset();
    EXPECT_EQ(readFrom(pipe.read.get()), "");  // its last writer is gone: the end, no waiting
}

// what fileDescriptorReceived throws closes, and nothing more is delivered; so does
// closing there.
TEST(PassedDescriptors, closingFromFileDescriptorReceived) {
    {
        test::CatchLog log;
        PassingPair pair;
        pair.receiver->onDescriptor = [](DescriptorRecorder&) { throw TimeoutError("no thanks"); };
        pair.sender().sendFileDescriptor(FullPipe("").read.get());
        pair.sender().sendFileDescriptor(FullPipe("").read.get());
        pair.client->transport->write("xy");
        runUntil(pair.reactor, [&] { return pair.receiver->lost.has_value(); });
        EXPECT_NE(pair.receiver->lost->check<TimeoutError>(), nullptr);
        EXPECT_EQ(pair.receiver->events, "f");
        EXPECT_THAT(log.take(), ElementsAre(HasSubstr("no thanks")));
    }
    PassingPair pair;
    pair.receiver->onDescriptor = [](DescriptorRecorder& self) {
        self.transport()->loseConnection();
    };
    pair.sender().sendFileDescriptor(FullPipe("").read.get());
    pair.sender().sendFileDescriptor(FullPipe("").read.get());
    pair.client->transport->write("xy");
    runUntil(pair.reactor, [&] { return pair.receiver->lost.has_value(); });
    EXPECT_EQ(pair.receiver->events, "f");
}

// What is no descriptor throws at the call, and the connection lives on; after the end it does
// nothing.
TEST(PassedDescriptors, sendingWhatIsNoDescriptorThrows) {
    PassingPair pair;
    EXPECT_THROW(pair.sender().sendFileDescriptor(-1), std::system_error);
    pair.client->transport->write("x");
    runUntil(pair.reactor, [&] { return pair.receiver->events == "x"; });
    pair.client->transport->abortConnection();
    EXPECT_NO_THROW(pair.sender().sendFileDescriptor(-1));
}

// A descriptor that cannot be taken for want of room closes the connection, with the knob.
TEST(PassedDescriptors, noRoomForADescriptorIsAnError) {
    PassingPair pair;
    pair.sender().sendFileDescriptor(FullPipe("").read.get());
    pair.client->transport->write("x");
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const rlimit none{3, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    runUntil(pair.reactor, [&] { return pair.receiver->lost || !pair.receiver->events.empty(); });
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(pair.receiver->events, "");
    ASSERT_TRUE(pair.receiver->lost);
    EXPECT_NE(pair.receiver->lost->check<ConnectionLost>(), nullptr);
    EXPECT_THAT(pair.receiver->lost->message(), HasSubstr("ulimit -n"));
}

}  // namespace
