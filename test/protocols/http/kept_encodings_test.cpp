// What files are encoded to is kept as well, and nobody sees from an answer whether it was.
#include <marline/protocols/http/content_decoder.hpp>
#include <marline/protocols/http/content_encoder.hpp>
#include <marline/protocols/http/file.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "kept_files.hpp"

namespace marline::http {
namespace {

namespace fs = std::filesystem;
using test::ServerWire;

class KeptEncodings : public test::KeptFilesTest {
protected:
    static std::string decoded(std::string_view coding, std::string_view body) {
        const auto decoder = ContentDecoder::make(coding);
        std::span<const std::byte> input = asBytes(body);
        std::string out;
        while (decoder->next(input) == DecodeStep::Piece) {
            out += asText(decoder->piece());
        }
        EXPECT_TRUE(decoder->complete()) << decoder->error();
        return out;
    }
    static Ref<Resource> encoding(const Ref<File>& file, int effort = 4) {
        return makeRef<EncodingResourceWrapper>(file, EncodingOptions{.effort = effort});
    }
    /// Text that gets shorter, but not by much.
    static std::string text(std::size_t size, unsigned seed = 1) {
        std::mt19937 random(seed);
        std::string all;
        while (all.size() < size) {
            all += static_cast<char>(' ' + random() % 64);
        }
        return all;
    }
    /// A file that keeps nothing, to compare with.
    Ref<File> uncached(FileOptions options = {}) const {
        options.cacheBytes = 0;
        return makeRef<File>(folder.path(), std::move(options));
    }
};

// A file is encoded once for each coding, and goes as it is to who accepts none; every answer is
// that of a File which keeps nothing.
TEST_F(KeptEncodings, filesAreEncodedOnce) {
    write("a.txt", text(20'000), 1000);
    const auto file = makeRef<File>(folder.path(), atOnce());
    const auto kept = encoding(file);
    const auto other = encoding(uncached());
    std::uint64_t misses = 0;
    for (const std::string fields : {"Accept-Encoding: gzip\r\n", "Accept-Encoding: br\r\n",
                                     "Accept-Encoding: zstd\r\n", ""}) {
        const std::string answer = get(other, "/a.txt", fields);
        EXPECT_EQ(get(kept, "/a.txt", fields), answer);
        EXPECT_EQ(file->cacheCounts().misses, ++misses) << fields;
        EXPECT_EQ(get(kept, "/a.txt", fields), answer);
        EXPECT_EQ(file->cacheCounts().misses, misses) << fields;
        EXPECT_TRUE(has(answer, "Vary: Accept-Encoding")) << answer;
        EXPECT_EQ(ask(kept, "HEAD /a.txt", fields), ask(other, "HEAD /a.txt", fields));
    }
    EXPECT_EQ(file->cacheCounts().files, 1U);
    EXPECT_EQ(file->cacheCounts().misses, misses);
    EXPECT_EQ(bodyOf(get(file, "/a.txt", "Accept-Encoding: gzip\r\n")), text(20'000))
        << "the same File without the wrapper";
}

// A larger file is encoded whole, so its length is known; what is beyond the limit goes in chunks.
TEST_F(KeptEncodings, largerFilesHaveALength) {
    write("fits.txt", text(256 * 1024), 1000);
    write("not.txt", text(256 * 1024 + 1), 1000);
    const auto file = makeRef<File>(folder.path(), atOnce());
    const auto kept = encoding(file);
    EXPECT_EQ(FileOptions().maxCachedFile, 256U * 1024);
    for (const std::string coding : {"gzip", "br", "zstd"}) {
        const std::string fields = "Accept-Encoding: " + coding + "\r\n";
        const std::string first = get(kept, "/fits.txt", fields);
        const std::string body = bodyOf(first);
        EXPECT_GT(body.size(), 64U * 1024);
        EXPECT_TRUE(has(first, "Content-Length: " + std::to_string(body.size())));
        EXPECT_TRUE(decoded(coding, body) == text(256 * 1024)) << coding;
        const std::uint64_t hits = file->cacheCounts().hits;
        EXPECT_TRUE(get(kept, "/fits.txt", fields) == first) << coding;
        EXPECT_EQ(file->cacheCounts().hits, hits + 1);
        EXPECT_TRUE(has(get(kept, "/not.txt", fields), "Transfer-Encoding: chunked"));
    }
    EXPECT_EQ(file->cacheCounts().files, 1U);
    EXPECT_TRUE(bodyOf(get(kept, "/fits.txt")) == text(256 * 1024));
}

// Z-24: what is large goes as the client takes it, in pieces of 64 KiB, also when it is not kept
// any more by then.
TEST_F(KeptEncodings, largeFormsWaitForTheClient) {
    write("a.txt", text(200'000), 1000);
    write("b.txt", text(200'000, 2), 1000);
    FileOptions options = atOnce();
    options.cacheBytes = 250'000;
    const auto file = makeRef<File>(folder.path(), options);
    const auto kept = encoding(file);
    const std::string gzip = "Accept-Encoding: gzip\r\n";
    const std::string whole = get(kept, "/a.txt", gzip);
    ServerWire wire(kept);
    wire.send("GET /a.txt HTTP/1.1\r\nHost: t\r\n" + gzip + "\r\n");
    std::string answer = wire.take();
    EXPECT_EQ(bodyOf(answer).size(), 64U * 1024);
    EXPECT_EQ(file->cacheCounts().hits, 1U);
    get(kept, "/b.txt", gzip);
    EXPECT_EQ(file->cacheCounts().files, 1U) << "the first one had to go";
    while (wire.transport().producer() != nullptr &&
           wire.transport().producing() == Producing::Pull) {
        wire.transport().drain();
        answer += wire.take();
    }
    EXPECT_TRUE(answer == whole);
    EXPECT_TRUE(wire.exchange("GET /none HTTP/1.1\r\nHost: t\r\n\r\n").starts_with("HTTP/1.1 404"))
        << "the connection goes on";
}

// A client that goes while a large form is sent leaves nothing behind.
TEST_F(KeptEncodings, clientsMayGo) {
    write("a.txt", text(200'000), 1000);
    ServerWire wire(encoding(makeRef<File>(folder.path(), atOnce())));
    wire.send("GET /a.txt HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n");
    ASSERT_NE(wire.transport().producer(), nullptr);
    wire.disconnect();
    EXPECT_EQ(errors(), "");
}

// Wrappers of another effort have forms of their own.
TEST_F(KeptEncodings, effortsAreToldApart) {
    write("a.txt", text(20'000) + text(20'000), 1000);
    const auto file = makeRef<File>(folder.path(), atOnce());
    const std::string gzip = "Accept-Encoding: gzip\r\n";
    for (const int effort : {1, 9, 1, 9}) {
        std::string expected;
        ContentEncoder::make("gzip", effort)
            ->encode(folder.read("a.txt"), EncodeFlush::Finish, expected);
        EXPECT_EQ(bodyOf(get(encoding(file, effort), "/a.txt", gzip)), expected);
    }
    EXPECT_EQ(file->cacheCounts().misses, 2U);
}

// What is not to be transformed, is too short or does not get shorter goes as it is, from memory.
TEST_F(KeptEncodings, leavesOthersAlone) {
    write("a.txt", text(20'000), 1000);
    write("short.txt", text(1023), 1000);
    write("a.png", text(20'000), 1000);
    FileOptions options = atOnce();
    options.cacheControl = "no-transform";
    const std::string gzip = "Accept-Encoding: gzip\r\n";
    const auto expectPlain = [&](const Ref<File>& file, const std::string& path) {
        get(encoding(file), path, gzip);
        const std::string answer = get(encoding(file), path, gzip);
        EXPECT_EQ(answer.find("Content-Encoding"), std::string::npos) << path;
        EXPECT_EQ(bodyOf(answer), folder.read(path.substr(1)));
        EXPECT_EQ(file->cacheCounts().hits, 1U) << path;
    };
    expectPlain(makeRef<File>(folder.path(), options), "/a.txt");
    expectPlain(makeRef<File>(folder.path(), atOnce()), "/short.txt");
    expectPlain(makeRef<File>(folder.path(), atOnce()), "/a.png");
    options = atOnce();
    options.precompressed = true;
    write("a.txt.gz", "sibling", 1000);
    const auto file = makeRef<File>(folder.path(), options);
    get(encoding(file), "/a.txt", gzip);
    EXPECT_EQ(bodyOf(get(encoding(file), "/a.txt", gzip)), "sibling") << "it has its coding";
    EXPECT_EQ(file->cacheCounts().hits, 1U);
}

// A sequence of changes and requests, drawn at random: the File that keeps answers what the other
// one does, each time.
TEST_F(KeptEncodings, answersAreTheSame) {
    FileOptions options = atOnce();
    options.precompressed = true;
    options.cacheBytes = 60'000;  // so that some have to go
    const auto file = makeRef<File>(folder.path(), options);
    const auto kept = encoding(file);
    const auto other = encoding(uncached(options));
    const std::array<std::string, 4> names = {"a.txt", "index.html", "b.css", "sub/a.txt"};
    const std::array<std::string, 4> endings = {"", ".gz", ".br", ""};
    const std::array<std::string, 5> paths = {"/a.txt", "/", "/b.css", "/sub/a.txt", "/b.css.gz"};
    const std::array<std::string, 7> fields = {
        "",
        "Accept-Encoding: gzip\r\n",
        "Accept-Encoding: gzip, br\r\n",
        "Accept-Encoding: zstd, gzip;q=0.5\r\n",
        "Accept-Encoding: identity, gzip;q=0.1\r\n",
        "Range: bytes=3-5\r\n",
        "If-Modified-Since: Thu, 01 Jan 1970 00:16:41 GMT\r\n"};
    fs::create_directories(folder / "sub");
    std::mt19937 random(7);
    const auto any = [&random](const auto& of) { return of.at(random() % of.size()); };
    for (int step = 0; step < 300; ++step) {
        if (random() % 5 == 0) {
            tick(folder);
            std::string name = any(names);
            name += any(endings);
            if (random() % 4 == 0) {
                fs::remove(folder / name);
            } else {
                const auto size = random() % 30'000;
                const std::string content = text(size, static_cast<unsigned>(random()));
                write(name, content, 1000 + static_cast<time_t>(random() % 3));
            }
        }
        std::string line = random() % 8 == 0 ? "HEAD " : "GET ";
        line += any(paths);
        const std::string field = any(fields);
        const std::string expected = ask(other, line, field);
        ASSERT_EQ(ask(kept, line, field), expected) << step << ": " << line << " " << field;
    }
    EXPECT_GT(file->cacheCounts().hits, 30U);
    EXPECT_GT(file->cacheCounts().misses, 50U);
}

}  // namespace
}  // namespace marline::http
