#include <marline/protocols/http/content_decoder.hpp>

#include <marline/reactor/interfaces.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <test/support/compress.hpp>

namespace {

using namespace marline;
using namespace marline::http;
using marline::testing::brotlied;
using marline::testing::deflated;
using marline::testing::gzipped;
using marline::testing::zstded;
using ::testing::HasSubstr;

/// What came of decoding one body.
struct Decoded {
    std::string text;
    std::string error;  // empty when it may end here
};

Decoded decode(const std::vector<std::string>& codings, std::string_view data,
               std::size_t chunk = std::string::npos, const DecodeLimits& limits = {}) {
    ContentDecoding decoding(codings, limits);
    Decoded result;
    while (!data.empty()) {
        const std::string piece(data.substr(0, chunk));
        data.remove_prefix(piece.size());
        std::span<const std::byte> input = asBytes(piece);
        for (;;) {
            const DecodeStep step = decoding.next(input);
            if (step == DecodeStep::Failed) {
                result.error = decoding.error().what();
                return result;
            }
            if (step == DecodeStep::NeedInput) {
                EXPECT_TRUE(input.empty()) << "all input must be taken";
                break;
            }
            result.text += asText(decoding.piece());
        }
    }
    result.error = decoding.complete() ? "" : decoding.error().what();
    return result;
}

/// A text that is not one letter, and longer than any room inside.
std::string longText() {
    std::string text;
    for (int i = 0; text.size() < 200'000; ++i) {
        text += "line " + std::to_string(i * 7919 % 10007) + "\n";
    }
    return text;
}

struct Coding {
    const char* name;
    std::function<std::string(std::string_view)> encode;
};

class ContentDecoderTest : public ::testing::TestWithParam<Coding> {};

INSTANTIATE_TEST_SUITE_P(
    codings, ContentDecoderTest,
    ::testing::Values(Coding{"gzip", gzipped}, Coding{"X-GZip", gzipped},
                      Coding{"deflate", [](std::string_view text) { return deflated(text, 15); }},
                      Coding{"deflate", [](std::string_view text) { return deflated(text, -15); }},
                      Coding{"br", brotlied},
                      Coding{"zstd", [](std::string_view text) { return zstded(text); }}),
    [](const auto& of) {  // a name may not hold "-", and each must be another
        std::string name = of.param.name + std::to_string(of.index);
        std::erase(name, '-');
        return name;
    });

// A long body comes out whole, however it is cut into reads.
TEST_P(ContentDecoderTest, decodesAtAnyChunkSize) {
    const std::string text = longText();
    const std::string data = GetParam().encode(text);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{1000}, std::string::npos}) {
        const Decoded result = decode({GetParam().name}, data, chunk);
        EXPECT_EQ(result.error, "");
        EXPECT_TRUE(result.text == text) << result.text.size();
    }
}

// A body of nothing, coded, is nothing; so is no body at all.
TEST_P(ContentDecoderTest, decodesNothing) {
    EXPECT_EQ(decode({GetParam().name}, GetParam().encode("")).error, "");
    EXPECT_EQ(decode({GetParam().name}, "").error, "");
}

// Text that ends exactly where the room inside ends is not lost, and needs no more input.
TEST_P(ContentDecoderTest, fillsItsRoomExactly) {
    const std::string text = longText().substr(0, 2 * 16 * 1024);
    const Decoded result = decode({GetParam().name}, GetParam().encode(text), 7);
    EXPECT_EQ(result.error, "");
    EXPECT_TRUE(result.text == text);
}

// A cut body is told apart from a whole one, wherever it is cut.
TEST_P(ContentDecoderTest, noticesACut) {
    const std::string data = GetParam().encode("hello, hello, hello");
    for (std::size_t n = 1; n < data.size(); ++n) {
        EXPECT_THAT(decode({GetParam().name}, data.substr(0, n)).error, HasSubstr("ends early"))
            << n << " of " << data.size();
    }
}

// What is no coded data at all is refused, and the error names the coding.
TEST_P(ContentDecoderTest, refusesOtherData) {
    const Decoded result = decode({GetParam().name}, std::string(64, '\xff'));
    EXPECT_THAT(result.error, HasSubstr(std::string("bad ") + GetParam().name + " data: "));
}

// Garbage behind the end is refused by all of them.
TEST_P(ContentDecoderTest, refusesBytesBehindTheEnd) {
    const Decoded result = decode({GetParam().name}, GetParam().encode("hello") + "<html>", 1);
    EXPECT_EQ(result.text, "hello");
    EXPECT_THAT(result.error, HasSubstr("bad"));
}

// A body of few bytes that decodes to very many is refused by their ratio.
TEST_P(ContentDecoderTest, refusesABombByItsRatio) {
    const std::string data = GetParam().encode(std::string(8 << 20, '\0'));
    const Decoded result = decode({GetParam().name}, data, 1000);
    EXPECT_THAT(result.error, HasSubstr("maxDecodedRatio allows (100)"));
    EXPECT_LE(result.text.size(), std::size_t{1} << 20);
    const Decoded allowed = decode({GetParam().name}, data, 1000, {.maxDecodedRatio = 10'000'000});
    EXPECT_EQ(allowed.error, "");
    EXPECT_EQ(allowed.text.size(), std::size_t{8} << 20);
}

// A body that decodes to more than allowed is refused at that byte.
TEST_P(ContentDecoderTest, refusesMoreThanTheLimit) {
    const std::string text = longText();
    const std::string data = GetParam().encode(text);
    EXPECT_EQ(decode({GetParam().name}, data, 1000, {.maxDecodedBytes = text.size()}).error, "");
    EXPECT_THAT(decode({GetParam().name}, data, 1000, {.maxDecodedBytes = text.size() - 1}).error,
                HasSubstr(std::to_string(text.size() - 1) + " bytes that maxDecodedBytes allows"));
}

// Members of gzip and frames of zstd follow each other in one body.
TEST(ContentDecodingTest, takesSeveralMembersAndFrames) {
    for (const std::size_t chunk : {std::size_t{1}, std::string::npos}) {
        EXPECT_EQ(decode({"gzip"}, gzipped("one ") + gzipped("two"), chunk).text, "one two");
        EXPECT_EQ(decode({"zstd"}, zstded("one ") + zstded("two"), chunk).text, "one two");
    }
    EXPECT_THAT(decode({"gzip"}, gzipped("one ") + gzipped("two").substr(0, 5)).error,
                HasSubstr("the gzip data ends early"));
}

// A checksum that is wrong is noticed.
TEST(ContentDecodingTest, checksChecksums) {
    std::string data = gzipped("hello");
    data[data.size() - 6] ^= 1;
    EXPECT_THAT(decode({"gzip"}, data).error, HasSubstr("bad gzip data: incorrect data check"));
}

// Codings on top of each other are taken off one by one, whatever the reads.
TEST(ContentDecodingTest, takesCodingsOffInOrder) {
    const std::string text = longText();
    const std::string data = brotlied(zstded(gzipped(deflated(text, 15))));
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{4096}, std::string::npos}) {
        const Decoded result = decode({"br", "zstd", "gzip", "deflate"}, data, chunk);
        EXPECT_EQ(result.error, "");
        EXPECT_TRUE(result.text == text);
    }
}

// Bombs inside bombs are bounded by what came over the wire.
TEST(ContentDecodingTest, refusesANestedBomb) {
    const std::string data = gzipped(gzipped(std::string(32 << 20, '\0')));
    EXPECT_THAT(decode({"gzip", "gzip"}, data).error, HasSubstr("maxDecodedRatio"));
}

// A bomb that goes off inside, and of which nothing comes out, is bounded as well: deflate may have
// blocks without content, here a million.
TEST(ContentDecodingTest, refusesABombThatDecodesToNothing) {
    std::string empty;
    for (int i = 0; i < 1'000'000; ++i) {
        empty.append("\0\0\0\xff\xff", 5);
    }
    const Decoded result = decode({"gzip", "deflate"}, gzipped(empty));
    EXPECT_EQ(result.text, "");
    EXPECT_THAT(result.error, HasSubstr("maxDecodedRatio"));
    EXPECT_THAT(decode({"gzip", "deflate"}, gzipped(empty), 1000, {.maxDecodedBytes = 100}).error,
                HasSubstr("maxDecodedBytes"));
}

// A cut inside is found although what is outside is whole.
TEST(ContentDecodingTest, noticesACutInside) {
    const std::string inner = zstded("hello, hello");
    EXPECT_THAT(decode({"gzip", "zstd"}, gzipped(inner.substr(0, inner.size() - 2))).error,
                HasSubstr("the zstd data ends early"));
}

// libzstd refuses an empty compressed block of a frame that is there whole, and of no other: here
// the reads make no difference.
TEST(ContentDecodingTest, readsDoNotMatterToZstd) {
    const std::string frame("\x28\xb5\x2f\xfd\x20\x00\x05\x00\x00", 9);
    for (const std::string& before : {std::string(), zstded("one")}) {
        for (const std::size_t chunk : {std::size_t{1}, std::size_t{5}, std::string::npos}) {
            const Decoded result = decode({"zstd"}, before + frame, chunk);
            EXPECT_EQ(result.error, "") << chunk;
            EXPECT_EQ(result.text, before.empty() ? "" : "one") << chunk;
        }
    }
}

// Frames of zstd whose window is larger than 8 MiB are refused (RFC 9659).
TEST(ContentDecodingTest, refusesLargeWindows) {
    EXPECT_EQ(decode({"zstd"}, zstded("hello", 23)).error, "");
    EXPECT_THAT(decode({"zstd"}, zstded("hello", 24)).error, HasSubstr("bad zstd data"));
}

// A failure is final.
TEST(ContentDecodingTest, staysFailed) {
    const std::vector<std::string> codings{"gzip"};
    ContentDecoding decoding(codings, {});
    std::span<const std::byte> bad = asBytes("not gzip at all");
    EXPECT_EQ(decoding.next(bad), DecodeStep::Failed);
    const std::string good = gzipped("x");
    std::span<const std::byte> input = asBytes(good);
    EXPECT_EQ(decoding.next(input), DecodeStep::Failed);
}

// A coding that is not known, and none, are misuse; the names that are known are known.
TEST(ContentDecodingTest, knowsItsCodings) {
    const std::vector<std::string> unknown{"compress"};
    EXPECT_THROW(ContentDecoding(unknown, {}), std::invalid_argument);
    EXPECT_THROW(ContentDecoding(std::vector<std::string>{}, {}), std::invalid_argument);
    EXPECT_TRUE(ContentDecoder::knows("BR"));
    EXPECT_FALSE(ContentDecoder::knows("identity"));
    EXPECT_EQ(ContentDecoder::make("compress"), nullptr);
}

}  // namespace
