// Standard input and output, and other pairs of descriptors: P-19, and what of X is different.
#include <marline/reactor/stdio.hpp>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/reactor.hpp>

#include "test/support/running.hpp"
#include "test/support/temp_folder.hpp"

namespace {

using namespace marline;
using test::Record;
using test::runUntil;
using test::TempFolder;
using testing::ElementsAre;

struct Pipe {
    Pipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        read = UniqueFd(ends[0]);
        write = UniqueFd(ends[1]);
    }
    UniqueFd read;
    UniqueFd write;
};

std::string readAll(int fd) {
    std::string all;
    char text[4096];
    for (ssize_t got = 1; (got = ::read(fd, text, sizeof text)) > 0;) {
        all.append(text, static_cast<std::size_t>(got));
    }
    return all;
}

bool blocks(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

void put(int fd, std::string_view text) {
    ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

/// A protocol between two pipes.
struct Piped {
    explicit Piped(bool halfClose = false) {
        record->halfClose = halfClose;
        connectDescriptors(reactor, std::move(in.read), std::move(out.write),
                           makeRef<test::Recorder>(record));
    }

    Pipe in;
    Pipe out;
    std::shared_ptr<Record> record = std::make_shared<Record>();
    Reactor reactor;
};

// Bytes go in by one pipe and out by the other; the connection stands when the call returns.
TEST(Pipes, carryBytesBothWays) {
    Piped piped;
    EXPECT_THAT(piped.record->events, ElementsAre("made"));
    piped.record->onData = [](ITransport& t, std::string_view data) { t.write(data); };
    put(piped.in.write.get(), "hello");
    runUntil(piped.reactor, [&] { return piped.record->received == "hello"; });
    piped.record->transport->loseConnection();
    runUntil(piped.reactor, [&] { return piped.record->lost.has_value(); });
    EXPECT_EQ(readAll(piped.out.read.get()), "hello");
}

// P-19: what was written before loseConnection is delivered, however much it is.
TEST(Pipes, loseConnectionFlushes) {
    Piped piped;
    const std::string large(1'000'000, 'x');
    piped.record->transport->write(large);
    piped.record->transport->loseConnection();
    std::string got;
    ASSERT_EQ(::fcntl(piped.out.read.get(), F_SETFL, O_NONBLOCK), 0);
    runUntil(piped.reactor, [&] {
        got += readAll(piped.out.read.get());
        return piped.record->lost.has_value();
    });
    EXPECT_EQ((got + readAll(piped.out.read.get())).size(), large.size());
    EXPECT_NE(piped.record->lost->check<ConnectionDone>(), nullptr);
}

// P-19: the end of the input is the peer's half-close, and writing goes on.
TEST(Pipes, theEndOfTheInputIsAHalfClose) {
    Piped piped(true);
    piped.in.write.reset();
    runUntil(piped.reactor, [&] { return piped.record->events.size() == 2; });
    EXPECT_THAT(piped.record->events, ElementsAre("made", "read lost"));
    piped.record->transport->write("last words");
    piped.record->transport->loseConnection();
    runUntil(piped.reactor, [&] { return piped.record->lost.has_value(); });
    EXPECT_EQ(readAll(piped.out.read.get()), "last words");
}

// for a protocol that knows no half-close it is the end.
TEST(Pipes, theEndOfTheInputIsTheEnd) {
    Piped piped;
    piped.in.write.reset();
    runUntil(piped.reactor, [&] { return piped.record->lost.has_value(); });
    EXPECT_NE(piped.record->lost->check<ConnectionDone>(), nullptr);
    EXPECT_EQ(readAll(piped.out.read.get()), "");
}

// P-19: what such a protocol has written by then is sent first, however long that takes.
TEST(Pipes, theEndOfTheInputSendsFirst) {
    Piped piped;
    const std::string large(1'000'000, 'x');
    piped.record->transport->write(large);
    piped.in.write.reset();
    std::string got;
    ASSERT_EQ(::fcntl(piped.out.read.get(), F_SETFL, O_NONBLOCK), 0);
    runUntil(piped.reactor, [&] {
        got += readAll(piped.out.read.get());
        return piped.record->lost.has_value();
    });
    EXPECT_EQ((got + readAll(piped.out.read.get())).size(), large.size());
    EXPECT_NE(piped.record->lost->check<ConnectionDone>(), nullptr);
}

// loseWriteConnection closes the output, and reading goes on.
TEST(Pipes, loseWriteConnectionClosesTheOutput) {
    Piped piped(true);
    piped.record->transport->write("that is all");
    piped.record->transport->loseWriteConnection();
    runUntil(piped.reactor, [&] { return piped.record->events.size() == 2; });
    EXPECT_EQ(readAll(piped.out.read.get()), "that is all");
    piped.record->transport->write("too late");
    put(piped.in.write.get(), "go on");
    runUntil(piped.reactor, [&] { return piped.record->received == "go on"; });
}

// a reader that went away is a ConnectionLost and no signal.
TEST(Pipes, aReaderThatWentAwayIsAnError) {
    Piped piped;
    piped.out.read.reset();
    piped.record->transport->write("anybody?");
    runUntil(piped.reactor, [&] { return piped.record->lost.has_value(); });
    const auto* lost = piped.record->lost->check<ConnectionLost>();
    ASSERT_NE(lost, nullptr);
    EXPECT_EQ(lost->code().value(), EPIPE);
}

// abortConnection drops what is unsent.
TEST(Pipes, abortDropsWhatIsUnsent) {
    Piped piped;
    piped.record->transport->write("dropped");
    piped.record->transport->abortConnection();
    runUntil(piped.reactor, [&] { return piped.record->lost.has_value(); });
    EXPECT_NE(piped.record->lost->check<ConnectionAborted>(), nullptr);
    EXPECT_EQ(readAll(piped.out.read.get()), "");
}

// Who shares the descriptors finds them as they were.
TEST(Pipes, theModeIsGivenBack) {
    Pipe in;
    Pipe out;
    const UniqueFd inShared(::dup(in.read.get()));
    const UniqueFd outShared(::dup(out.write.get()));
    auto record = std::make_shared<Record>();
    Reactor reactor;
    connectDescriptors(reactor, std::move(in.read), std::move(out.write),
                       makeRef<test::Recorder>(record));
    EXPECT_FALSE(blocks(inShared.get()));
    EXPECT_FALSE(blocks(outShared.get()));
    record->transport->loseConnection();
    runUntil(reactor, [&] { return record->lost.has_value(); });
    EXPECT_TRUE(blocks(inShared.get()));
    EXPECT_TRUE(blocks(outShared.get()));
}

// Files, which nobody can wait for, are read to their end and written.
TEST(Pipes, filesAreAlwaysReady) {
    TempFolder folder;
    const std::string large(700'000, 'f');
    std::ofstream(folder / "in") << large;
    UniqueFd in(::open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC));
    UniqueFd out(::open((folder / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    auto record = std::make_shared<Record>();
    record->halfClose = true;
    record->onData = [](ITransport& t, std::string_view data) { t.write(data); };
    record->onReadLost = [](ITransport& t) { t.loseConnection(); };
    Reactor reactor;
    connectDescriptors(reactor, std::move(in), std::move(out), makeRef<test::Recorder>(record));
    runUntil(reactor, [&] { return record->lost.has_value(); });
    EXPECT_EQ(record->received.size(), large.size());
    const UniqueFd copy(::open((folder / "out").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(readAll(copy.get()) == large);
}

// a file is not read while it is paused, and the loop does not spin for it.
TEST(Pipes, aPausedFileIsNotRead) {
    TempFolder folder;
    std::ofstream(folder / "in") << "text";
    UniqueFd in(::open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC));
    auto record = std::make_shared<Record>();
    record->onMade = [](ITransport& t) { t.pauseProducing(); };
    Pipe out;
    Reactor reactor;
    connectDescriptors(reactor, std::move(in), std::move(out.write),
                       makeRef<test::Recorder>(record));
    for (int i = 0; i < 5; ++i) {
        reactor.iterate();
    }
    EXPECT_EQ(record->received, "");
    record->transport->resumeProducing();
    runUntil(reactor, [&] { return record->lost.has_value(); });
    EXPECT_EQ(record->received, "text");
}

// What is not open is refused, by number, and the other descriptor is closed.
TEST(Pipes, closedDescriptorsAreRefused) {
    Reactor reactor;
    Pipe pipe;
    try {
        connectDescriptors(reactor, UniqueFd(), std::move(pipe.write),
                           makeRef<test::Recorder>(std::make_shared<Record>()));
        FAIL() << "took it";
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EBADF);
        EXPECT_THAT(error.what(), testing::HasSubstr("descriptor -1"));
    }
    EXPECT_EQ(readAll(pipe.read.get()), "");
}

/// The program's standard input and output, kept aside and put back.
class StandardAside {
public:
    StandardAside(int in, int out) : in_(::dup(STDIN_FILENO)), out_(::dup(STDOUT_FILENO)) {
        EXPECT_GE(::dup2(in, STDIN_FILENO), 0);
        EXPECT_GE(::dup2(out, STDOUT_FILENO), 0);
    }
    StandardAside(const StandardAside&) = delete;
    StandardAside& operator=(const StandardAside&) = delete;
    ~StandardAside() {
        ::dup2(in_.get(), STDIN_FILENO);
        ::dup2(out_.get(), STDOUT_FILENO);
    }

private:
    UniqueFd in_;
    UniqueFd out_;
};

// P-19: standard input and output are a connection; /dev/null is in their places afterwards.
TEST(StandardIo, isAConnection) {
    Pipe in;
    Pipe out;
    auto record = std::make_shared<Record>();
    record->onData = [](ITransport& t, std::string_view data) { t.write(data); };
    bool stillOpen = false;
    {
        StandardAside aside(in.read.get(), out.write.get());
        in.read.reset();
        out.write.reset();
        Reactor reactor;
        standardIo(reactor, makeRef<test::Recorder>(record));
        put(in.write.get(), "hello");
        in.write.reset();
        runUntil(reactor, [&] { return record->lost.has_value(); });
        stillOpen = ::fcntl(STDIN_FILENO, F_GETFD) >= 0 && ::fcntl(STDOUT_FILENO, F_GETFD) >= 0;
        EXPECT_EQ(readAll(STDIN_FILENO), "");
    }
    EXPECT_TRUE(stillOpen);
    EXPECT_EQ(record->received, "hello");
    EXPECT_EQ(readAll(out.read.get()), "hello");
}

}  // namespace
