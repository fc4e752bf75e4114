// Descriptors of the program's own: the reactor says when they can be read and written.
#include <marline/reactor/descriptor.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/unique_fd.hpp>

#include <test/support/reactor_fixture.hpp>

namespace marline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Descriptor final : public IReadWriteDescriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    int fileno() const noexcept override { return fd_; }
    void doRead() override {
        ++reads;
        std::array<char, 100> buffer{};
        const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
        data.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (onRead) {
            onRead();
        }
    }
    void doWrite() override {
        ++writes;
        if (onWrite) {
            onWrite();
        }
    }
    void connectionLost(const Failure& reason) override {
        ++losses;
        why = reason.message();
    }

    int reads = 0;
    int writes = 0;
    int losses = 0;
    std::string data;
    std::string why;
    std::function<void()> onRead;
    std::function<void()> onWrite;

private:
    int fd_;
};

class DescriptorTest : public ReactorFixture {
protected:
    DescriptorTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()),
                  0);
        mine = UniqueFd(ends[0]);
        theirs = UniqueFd(ends[1]);
        descriptor = makeRef<Descriptor>(mine.get());
    }
    void send(const std::string& text) {
        EXPECT_EQ(::write(theirs.get(), text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
    }

    UniqueFd mine;
    UniqueFd theirs;
    Ref<Descriptor> descriptor;
};

// A reader is called when there is something to read, until it is removed.
TEST_F(DescriptorTest, aReaderIsCalledWhileThereIsSomethingToRead) {
    reactor().addReader(descriptor);
    turn();
    EXPECT_EQ(descriptor->reads, 0);
    send("hello");
    runUntil([&] { return descriptor->data == "hello"; });
    EXPECT_EQ(descriptor->writes, 0);
    reactor().removeReader(descriptor);
    send("more");
    turn(3);
    EXPECT_EQ(descriptor->reads, 1);
}

// What is left unread is told of again.
TEST_F(DescriptorTest, aReaderIsCalledAgainForWhatIsLeft) {
    reactor().addReader(descriptor);
    send(std::string(250, 'x'));
    runUntil([&] { return descriptor->data.size() == 250; });
    EXPECT_EQ(descriptor->reads, 3);
}

// A writer is called while there is room, and both kinds are told apart.
TEST_F(DescriptorTest, aWriterIsCalledWhileThereIsRoom) {
    descriptor->onWrite = [&] {
        if (descriptor->writes == 3) {
            reactor().removeWriter(descriptor);
        }
    };
    reactor().addWriter(descriptor);
    turn(10);
    EXPECT_EQ(descriptor->writes, 3);
    EXPECT_EQ(descriptor->reads, 0);
}

// The reactor tells who reads and who writes; adding twice is adding once, removing nothing does
// nothing.
TEST_F(DescriptorTest, readersAndWritersAreListed) {
    const auto other = makeRef<Descriptor>(theirs.get());
    reactor().removeReader(descriptor);
    reactor().addReader(descriptor);
    reactor().addReader(descriptor);
    reactor().addReader(other);
    reactor().addWriter(other);
    EXPECT_THAT(reactor().getReaders(), ElementsAre(descriptor, other));
    EXPECT_THAT(reactor().getWriters(), ElementsAre(other));
    EXPECT_THAT(reactor().dump(), HasSubstr("of the program's own, watched for reading and "
                                            "writing, made at "));
    EXPECT_THAT(reactor().removeAll(), ElementsAre(descriptor, other));
    EXPECT_THAT(reactor().getReaders(), SizeIs(0));
    EXPECT_THAT(reactor().getWriters(), SizeIs(0));
    EXPECT_EQ(descriptor->losses + other->losses, 0);
    turn();
    EXPECT_THAT(reactor().leftovers(), SizeIs(0));
}

// The reactor holds what it watches, and nothing else.
TEST_F(DescriptorTest, theReactorHoldsWhatItWatches) {
    reactor().addReader(descriptor);
    reactor().addWriter(descriptor);
    reactor().removeWriter(descriptor);
    EXPECT_FALSE(descriptor.unique());
    reactor().removeReader(descriptor);
    EXPECT_TRUE(descriptor.unique());
}

// One that removes itself from both in doRead() is not asked to write any more.
TEST_F(DescriptorTest, aCallbackMayRemoveIt) {
    descriptor->onRead = [&] { reactor().removeAll(); };
    reactor().addReader(descriptor);
    reactor().addWriter(descriptor);
    send("x");
    turn(3);
    EXPECT_EQ(descriptor->reads, 1);
    EXPECT_LE(descriptor->writes, 1);
    EXPECT_EQ(descriptor->losses, 0);
}

// What a callback throws ends the watching with that reason, and is logged.
TEST_F(DescriptorTest, anExceptionEndsTheWatching) {
    descriptor->onRead = [] { throw std::runtime_error("bad read"); };
    reactor().addReader(descriptor);
    send("x");
    runUntil([&] { return descriptor->losses == 1; });
    EXPECT_EQ(descriptor->why, "bad read");
    EXPECT_THAT(reactor().getReaders(), SizeIs(0));
    EXPECT_EQ(logged().count("bad read"), 1U);
    logged().clear();
}

// the end of the reactor is told to every descriptor.
TEST_F(DescriptorTest, theEndOfTheReactorIsTold) {
    reactor().addReader(descriptor);
    reactor().callLater(Duration::zero(), [this] { reactor().stop(); });
    run();
    EXPECT_EQ(descriptor->why, "the reactor stopped");
    reactor().addReader(descriptor);
    dropReactor();
    EXPECT_EQ(descriptor->why, "the reactor is gone");
    EXPECT_EQ(descriptor->losses, 2);
    EXPECT_TRUE(descriptor.unique());
}

// What cannot be watched is refused at the call: nothing, a closed descriptor, a file.
TEST_F(DescriptorTest, whatCannotBeWatchedIsRefused) {
    EXPECT_THROW(reactor().addReader(nullptr), std::invalid_argument);
    EXPECT_THROW(reactor().addWriter(nullptr), std::invalid_argument);
    mine.reset();
    EXPECT_THROW(reactor().addReader(descriptor), std::system_error);
    const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    EXPECT_THROW(reactor().addReader(makeRef<Descriptor>(file.get())), std::system_error);
    EXPECT_THAT(reactor().getReaders(), SizeIs(0));
    EXPECT_TRUE(descriptor.unique());
}

}  // namespace
}  // namespace marline::testing
