// beginFileTransfer(): a file as a pull producer.
#include <marline/protocols/file_sender.hpp>

#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/support/deferred_outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace marline::testing {
namespace {

class FileSenderTest : public ::testing::Test {
protected:
    UniqueFd fileOf(const std::string& text) {
        return UniqueFd(::open(folder_.write("file", text).c_str(), O_RDONLY | O_CLOEXEC));
    }

    StringTransport transport_;
    NoUnhandled noUnhandled_;

private:
    test::TempFolder folder_;
};

using Sent = Outcome<std::optional<std::byte>>;

// B-22: a small file is sent, and the Deferred fires with its last byte.
TEST_F(FileSenderTest, sendsAFile) {
    const Sent sent(beginFileTransfer(fileOf("hello"), transport_));
    EXPECT_FALSE(sent.fired());
    transport_.drain();
    ASSERT_TRUE(sent.ok()) << sent.message();
    EXPECT_EQ(sent.value(), std::byte{'o'});
    EXPECT_EQ(transport_.value(), "hello");
    EXPECT_EQ(transport_.producer(), nullptr);
    EXPECT_FALSE(transport_.closed());
}

// B-22: pieces have 16 KiB at most, and the next one is read when the consumer asks for it.
TEST_F(FileSenderTest, sendsAPieceAtATime) {
    const std::string text = std::string(2 * kFileChunk, 'a') + "z";
    const Sent sent(beginFileTransfer(fileOf(text), transport_));
    EXPECT_EQ(transport_.producing(), Producing::Pull);
    for (const std::size_t so : {kFileChunk, 2 * kFileChunk, 2 * kFileChunk + 1}) {
        EXPECT_EQ(transport_.value().size(), so);
        EXPECT_FALSE(sent.fired());
        transport_.drain();
    }
    ASSERT_TRUE(sent.ok()) << sent.message();
    EXPECT_EQ(sent.value(), std::byte{'z'});
    EXPECT_EQ(transport_.value(), text);
}

// B-22: of an empty file there is no last byte, and no producer stays.
TEST_F(FileSenderTest, sendsAnEmptyFile) {
    const Sent sent(beginFileTransfer(fileOf(""), transport_));
    ASSERT_TRUE(sent.ok()) << sent.message();
    EXPECT_EQ(sent.value(), std::nullopt);
    EXPECT_EQ(transport_.producer(), nullptr);
}

// B-22: a transform changes what is sent; a piece that it empties is passed over.
TEST_F(FileSenderTest, sendsWhatTheTransformMakes) {
    const std::string text = std::string(kFileChunk, 'a') + std::string(kFileChunk, 'b') + "c";
    const Sent sent(beginFileTransfer(fileOf(text), transport_, [](std::string& piece) {
        piece = piece.front() == 'b' ? "" : std::string(2, piece.front());
    }));
    while (transport_.producer() != nullptr) {
        transport_.drain();
    }
    ASSERT_TRUE(sent.ok()) << sent.message();
    EXPECT_EQ(sent.value(), std::byte{'c'});
    EXPECT_EQ(transport_.value(), "aacc");
}

// What the transform throws is the outcome.
TEST_F(FileSenderTest, failsWithWhatTheTransformThrows) {
    const Sent sent(beginFileTransfer(fileOf("text"), transport_, [](std::string&) {
        throw std::runtime_error("no such letters");
    }));
    EXPECT_EQ(sent.message(), "no such letters");
    EXPECT_EQ(transport_.producer(), nullptr);
}

// B-22: it fails when the consumer stops it, or is gone already.
TEST_F(FileSenderTest, failsWhenTheConsumerStopsIt) {
    const Sent sent(beginFileTransfer(fileOf("text"), transport_));
    transport_.disconnect();
    EXPECT_NE(sent.failed<ConnectionLost>(), nullptr) << sent.message();
    const Sent late(beginFileTransfer(fileOf("text"), transport_));
    EXPECT_NE(late.failed<ConnectionLost>(), nullptr) << late.message();
}

// A file that cannot be read fails it, with what the system said.
TEST_F(FileSenderTest, failsWhenTheFileCannotBeRead) {
    const test::TempFolder folder;
    const Sent sent(beginFileTransfer(UniqueFd(::open(folder.path().c_str(), O_RDONLY | O_CLOEXEC)),
                                      transport_));
    ASSERT_NE(sent.failed<std::system_error>(), nullptr) << sent.message();
    EXPECT_EQ(sent.failed<std::system_error>()->code(), std::errc::is_a_directory);
    EXPECT_EQ(transport_.producer(), nullptr);
}

// Cancelling ends the transfer and leaves the consumer to others.
TEST_F(FileSenderTest, canBeCancelled) {
    Sent sent(beginFileTransfer(fileOf("text"), transport_));
    sent.cancel();
    EXPECT_NE(sent.failed<CancelledError>(), nullptr) << sent.message();
    EXPECT_EQ(transport_.producer(), nullptr);
}

// A consumer with a producer refuses another one, at the call.
TEST_F(FileSenderTest, refusesAConsumerThatHasAProducer) {
    const Sent sent(beginFileTransfer(fileOf("text"), transport_));
    EXPECT_THROW(beginFileTransfer(fileOf("more"), transport_), std::logic_error);
    transport_.drain();
    EXPECT_TRUE(sent.ok());
}

}  // namespace
}  // namespace marline::testing
