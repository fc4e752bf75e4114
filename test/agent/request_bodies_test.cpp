#include <marline/agent/request_bodies.hpp>

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>

#include <test/support/deferred_outcome.hpp>
#include <test/support/temp_folder.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A connection that takes what it is given, and asks a producer for more when the test says so.
class Sink final : public IBodyConsumer {
public:
    void write(std::span<const std::byte> data) override {
        text += asText(data);
        ++writes;
    }
    void registerProducer(IProducer& producer, Producing mode) override {
        EXPECT_EQ(mode, Producing::Pull);
        EXPECT_EQ(producer_, nullptr);
        producer_ = &producer;
        producer.resumeProducing();
    }
    void unregisterProducer() override { producer_ = nullptr; }

    IProducer* producer() const { return producer_; }
    void drain() {
        while (producer_ != nullptr) {
            producer_->resumeProducing();
        }
    }

    std::string text;
    int writes = 0;

private:
    IProducer* producer_ = nullptr;
};

class RequestBodiesTest : public ::testing::Test {
protected:
    std::string file(const std::string& content) { return folder.write("upload.bin", content); }
    static std::size_t openFiles() {
        std::size_t n = 0;
        for ([[maybe_unused]] const auto& entry :
             std::filesystem::directory_iterator("/proc/self/fd")) {
            ++n;
        }
        return n;
    }

    NoUnhandled unhandled;
    test::TempFolder folder;
    Sink sink;
};

// WA-17: a file goes in pieces of 64 KiB, each when the last has left; memory does not grow.
TEST_F(RequestBodiesTest, fileGoesInPieces) {
    const std::string content = std::string(kBodyPiece, 'a') + std::string(kBodyPiece, 'b') + "c";
    const auto body = makeRef<FileBody>(file(content));
    EXPECT_EQ(body->length(), content.size());
    Outcome<> sent(body->startProducing(sink));
    EXPECT_EQ(sink.writes, 1);
    EXPECT_EQ(sink.text.size(), kBodyPiece);
    EXPECT_FALSE(sent.fired());
    sink.drain();
    EXPECT_TRUE(sent.ok());
    EXPECT_TRUE(sink.text == content);
    EXPECT_EQ(sink.writes, 3);
}

// WA-17: the rest of a file from a position, and again for a second try.
TEST_F(RequestBodiesTest, fileGoesFromItsOffsetAndAgain) {
    const auto body = makeRef<FileBody>(file("0123456789"), 4);
    EXPECT_EQ(body->length(), 6U);
    EXPECT_TRUE(body->repeatable());
    for (int i = 0; i < 2; ++i) {
        Outcome<> sent(body->startProducing(sink));
        EXPECT_TRUE(sent.ok());
    }
    EXPECT_EQ(sink.text, "456789456789");
}

// An empty file is a body of nothing.
TEST_F(RequestBodiesTest, emptyFileIsDoneAtOnce) {
    const auto body = makeRef<FileBody>(file(""));
    EXPECT_EQ(body->length(), 0U);
    EXPECT_TRUE(Outcome<>(body->startProducing(sink)).ok());
    EXPECT_EQ(sink.text, "");
}

// What is no file, or not so long, is refused by name when the body is made.
TEST_F(RequestBodiesTest, fileThatCannotBeSentIsRefused) {
    try {
        makeRef<FileBody>("/no/such/file");
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
        EXPECT_THAT(error.what(), HasSubstr("/no/such/file"));
    }
    EXPECT_THROW(makeRef<FileBody>(folder.path()), std::system_error);
    EXPECT_THROW(makeRef<FileBody>("/dev/zero"), std::system_error);
    EXPECT_THROW(makeRef<FileBody>(file("abc"), 4), std::out_of_range);
}

// WA-17: the file is closed at the end, when sending is cancelled, and when it was refused.
TEST_F(RequestBodiesTest, fileIsClosed) {
    const std::string path = file(std::string(3 * kBodyPiece, 'x'));
    const std::size_t before = openFiles();
    {
        auto body = makeRef<FileBody>(path);
        Outcome<> sent(body->startProducing(sink));
        body.reset();
        EXPECT_EQ(openFiles(), before + 1) << "it is being sent";
        sink.drain();
        EXPECT_TRUE(sent.ok());
    }
    EXPECT_EQ(openFiles(), before);
    Outcome<> cancelled(makeRef<FileBody>(path)->startProducing(sink));
    cancelled.cancel();
    EXPECT_NE(cancelled.failed<CancelledError>(), nullptr);
    EXPECT_EQ(sink.producer(), nullptr);
    EXPECT_EQ(openFiles(), before);
    EXPECT_THROW(makeRef<FileBody>(path, 1U << 30U), std::out_of_range);
    EXPECT_EQ(openFiles(), before);
}

// WA-17: after stopProducing() the Deferred does not fire by itself, and nothing is written.
TEST_F(RequestBodiesTest, stoppedFileStaysSilent) {
    Outcome<> sent(makeRef<FileBody>(file(std::string(3 * kBodyPiece, 'x')))->startProducing(sink));
    IProducer* producer = sink.producer();
    producer->stopProducing();
    producer->resumeProducing();
    EXPECT_EQ(sink.writes, 1);
    EXPECT_FALSE(sent.fired());
    sent.cancel();
}

// A file that has become shorter fails the request: its length was promised.
TEST_F(RequestBodiesTest, fileThatShrinksFails) {
    const std::string path = file(std::string(2 * kBodyPiece, 'x'));
    Outcome<> sent(makeRef<FileBody>(path)->startProducing(sink));
    ASSERT_EQ(::truncate(path.c_str(), 10), 0);
    sink.drain();
    ASSERT_NE(sent.failed<WrongBodyLength>(), nullptr);
    EXPECT_THAT(sent.message(), HasSubstr("has become shorter"));
}

// A generator is asked for one piece at a time, and an empty piece is none.
TEST_F(RequestBodiesTest, generatorGivesPieceByPiece) {
    int asked = 0;
    const auto body = makeRef<GeneratorBody>([&asked] {
        const char* pieces[] = {"one ", "", "two"};
        ++asked;
        return succeed(asked <= 3 ? std::optional<std::string>(pieces[asked - 1]) : std::nullopt);
    });
    EXPECT_FALSE(body->length().has_value());
    EXPECT_FALSE(body->repeatable());
    Outcome<> sent(body->startProducing(sink));
    EXPECT_EQ(asked, 1);
    sink.drain();
    EXPECT_TRUE(sent.ok());
    EXPECT_EQ(sink.text, "one two");
    Outcome<> again(body->startProducing(sink));
    EXPECT_NE(again.failed<BadRequest>(), nullptr) << "it can be sent once";
}

// A generator may take its time: it is not asked twice, and cancelling reaches what it waits for.
TEST_F(RequestBodiesTest, generatorMayBeSlow) {
    using Piece = std::optional<std::string>;
    int asked = 0;
    int cancelled = 0;
    DeferredSource<Piece> first;
    DeferredSource<Piece> second([&cancelled](Deferred<Piece>) { ++cancelled; });
    Outcome<> sent(makeRef<GeneratorBody>([&] {
                       return ++asked == 1 ? first.deferred() : second.deferred();
                   })->startProducing(sink));
    sink.producer()->resumeProducing();
    EXPECT_EQ(asked, 1);
    first.callback(Piece("abc"));
    EXPECT_EQ(sink.text, "abc");
    sink.producer()->resumeProducing();
    EXPECT_EQ(asked, 2);
    sent.cancel();
    EXPECT_EQ(cancelled, 1);
    EXPECT_NE(sent.failed<CancelledError>(), nullptr);
    EXPECT_EQ(sink.producer(), nullptr);
}

// A generator that fails, or throws, fails the body.
TEST_F(RequestBodiesTest, generatorThatFailsFailsTheBody) {
    Outcome<> failed(makeRef<GeneratorBody>([] {
                         return fail<std::optional<std::string>>(TimeoutError("no more"));
                     })->startProducing(sink));
    EXPECT_NE(failed.failed<TimeoutError>(), nullptr);
    Outcome<> threw(makeRef<GeneratorBody>([]() -> Deferred<std::optional<std::string>> {
                        throw std::runtime_error("broken");
                    })->startProducing(sink));
    EXPECT_EQ(threw.message(), "broken");
    EXPECT_EQ(sink.producer(), nullptr);
}

// TQ-2: names and values are form-encoded, in order, with their type.
TEST_F(RequestBodiesTest, formIsEncoded) {
    const FormFields fields{{"a b", "1&2=3"}, {"a b", "+ä~*-._"}, {"", "x"}};
    EXPECT_EQ(formEncoded(fields), "a+b=1%262%3D3&a+b=%2B%C3%A4%7E*-._&=x");
    EXPECT_EQ(formEncoded({}), "");
    const auto body = formBody(fields);
    EXPECT_EQ(body->contentType(), "application/x-www-form-urlencoded");
    EXPECT_TRUE(body->repeatable());
    EXPECT_TRUE(Outcome<>(body->startProducing(sink)).ok());
    EXPECT_EQ(sink.text.size(), body->length());
}

// TQ-2: fields and files become multipart/form-data, with names quoted as browsers do.
TEST_F(RequestBodiesTest, multipartIsWritten) {
    auto body = makeRef<MultipartBody>("B");
    body->add("field", "value")
        .addFile("file", file("content"), "text/plain")
        .add("a\"b\r\n", makeRef<StringBody>("x"), "application/json", "n\"ame");
    EXPECT_EQ(body->contentType(), "multipart/form-data; boundary=\"B\"");
    EXPECT_TRUE(body->repeatable());
    Outcome<> sent(body->startProducing(sink));
    sink.drain();
    EXPECT_TRUE(sent.ok());
    EXPECT_EQ(
        sink.text,
        "--B\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"upload.bin\"\r\n"
        "Content-Type: text/plain\r\n\r\ncontent\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"a%22b%0D%0A\"; filename=\"n%22ame\"\r\n"
        "Content-Type: application/json\r\n\r\nx\r\n"
        "--B--\r\n");
    EXPECT_EQ(body->length(), sink.text.size());
}

// A part of unknown length makes the whole unknown, and no part makes only the end.
TEST_F(RequestBodiesTest, multipartLengthIsThatOfItsParts) {
    auto body = makeRef<MultipartBody>("B");
    EXPECT_EQ(body->length(), 7U);
    body->add("g", makeRef<GeneratorBody>([] { return succeed(std::optional<std::string>()); }),
              "text/plain", "g");
    EXPECT_FALSE(body->length().has_value());
    EXPECT_FALSE(body->repeatable());
    EXPECT_TRUE(Outcome<>(body->startProducing(sink)).ok());
    EXPECT_THAT(sink.text, HasSubstr("\r\n\r\n\r\n--B--"));
}

// A large file in a multipart body is streamed, and cancelling stops it.
TEST_F(RequestBodiesTest, multipartStreamsItsFiles) {
    auto body = makeRef<MultipartBody>();
    body->addFile("f", file(std::string(3 * kBodyPiece, 'x')));
    Outcome<> sent(body->startProducing(sink));
    EXPECT_LT(sink.text.size(), kBodyPiece + 500);
    sent.cancel();
    EXPECT_NE(sent.failed<CancelledError>(), nullptr);
    EXPECT_EQ(sink.producer(), nullptr);
}

// TQ-2: boundaries are random; one of the caller's is checked, and so are types.
TEST_F(RequestBodiesTest, multipartBoundaries) {
    const auto one = makeRef<MultipartBody>();
    const auto two = makeRef<MultipartBody>();
    EXPECT_THAT(one->contentType(), StartsWith("multipart/form-data; boundary=\"marline-"));
    EXPECT_NE(one->contentType(), two->contentType());
    EXPECT_THROW(makeRef<MultipartBody>("a b"), std::invalid_argument);
    EXPECT_THROW(makeRef<MultipartBody>(""), std::invalid_argument);
    EXPECT_THROW(makeRef<MultipartBody>(std::string(71, 'x')), std::invalid_argument);
    EXPECT_THROW(one->add("x", makeRef<StringBody>("x"), "text/plain\r\nX: y"),
                 std::invalid_argument);
}

}  // namespace
