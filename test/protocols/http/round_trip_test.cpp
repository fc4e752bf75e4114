// What the serializer writes, the parsers read back: random messages, cut at random places.
#include <marline/protocols/http/serializer.hpp>

#include <test/protocols/http/transcript.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace marline::http {
namespace {

using testing::bytesOf;

/// Random messages and cuts; the same ones in every run.
class Chance {
public:
    explicit Chance(unsigned seed) : engine_(seed) {}

    std::size_t below(std::size_t bound) { return engine_() % bound; }

    /// Up to `most` bytes out of `alphabet`.
    std::string text(std::string_view alphabet, std::size_t most) {
        std::string out(below(most + 1), '\0');
        for (char& byte : out)
            byte = alphabet[below(alphabet.size())];
        return out;
    }

    /// Any bytes at all.
    std::string binary(std::size_t most) {
        std::string out(below(most + 1), '\0');
        for (char& byte : out)
            byte = static_cast<char>(below(256));
        return out;
    }

    Headers fields(std::size_t most) {
        constexpr std::string_view kNames = "!#$%&'*+-.^_`|~09AZaz-----abcdefghijklmnopqrstuvwxyz";
        constexpr std::string_view kValues =
            "\t !\"#,:;<>\\{}\x80\xff"
            "09AZaz      abcdef";
        Headers headers;
        for (std::size_t count = below(most + 1); count > 0; --count)
            headers.addRawHeader("X-" + text(kNames, 30), text(kValues, 60));
        return headers;
    }

    /// Cuts `bytes` into reads of any size.
    testing::Reads cut(std::string_view bytes) {
        testing::Reads reads;
        const std::size_t most = 1 + below(200);
        while (!bytes.empty()) {
            const std::size_t length = std::min(1 + below(most), bytes.size());
            reads.push_back(bytes.substr(0, length));
            bytes.remove_prefix(length);
        }
        return reads;
    }

private:
    std::mt19937 engine_;
};

std::string linesOf(const Headers& fields) {
    std::string out;
    for (const FieldView field : fields)
        out.append("  ").append(field.name).append("=").append(field.value).append("\n");
    return out;
}

/// Appends a body in chunks of chance; gives the trailers' lines.
std::string appendChunkedBody(std::string& out, std::string_view body, Chance& chance) {
    while (!body.empty()) {
        const std::size_t length = std::min(1 + chance.below(100), body.size());
        appendChunk(out, bytesOf(body.substr(0, length)));
        body.remove_prefix(length);
    }
    const Headers trailers = chance.fields(3);
    appendLastChunk(out, trailers);
    return linesOf(trailers);
}

/// The fields in a transcript's details, without the framing field and the summary lines.
std::string fieldLinesOf(const std::string& details) {
    std::string out;
    for (std::size_t at = 0; at < details.size();) {
        const std::size_t end = details.find('\n', at) + 1;
        const std::string line = details.substr(at, end - at);
        const bool framing =
            line.starts_with("  Content-Length=") || line.starts_with("  Transfer-Encoding=");
        if (line.starts_with("  ") && !framing)
            out += line;
        at = end;
    }
    return out;
}

// Pipelined requests with bodies of any bytes arrive as they were sent, however they are cut.
TEST(RoundTrip, requests) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        Chance chance(seed);
        std::string bytes;
        std::string summary;
        std::string fields;
        for (std::size_t count = 1 + chance.below(4); count > 0; --count) {
            const std::string target = "/" + chance.text("abc/%?&=;+~|^`{}[]'", 40);
            const std::string body = chance.binary(500);
            const bool chunked = chance.below(2) == 0;
            Headers headers = chance.fields(10);
            headers.addRawHeader("Host", "example.org");
            appendRequestHead(bytes, "POST", target, headers,
                              chunked ? BodyLength::chunked() : BodyLength::known(body.size()));
            fields += linesOf(headers);
            if (chunked)
                fields += appendChunkedBody(bytes, body, chance);
            else
                bytes += body;
            summary += (summary.empty() ? "POST " : " POST ") + target + "{" + body + "}";
        }
        const auto got = testing::requestTranscript(chance.cut(bytes));
        ASSERT_EQ(got.reason, ParseReason::None) << ParseError(got.reason).what();
        ASSERT_EQ(got.summary, summary);
        ASSERT_EQ(fieldLinesOf(got.details), fields);
        ASSERT_EQ(got.eof, WireEof::Clean);
        ASSERT_EQ(got.problem, "");
    }
}

// So do responses, informational ones before them included.
TEST(RoundTrip, responses) {
    for (unsigned seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        Chance chance(seed);
        std::string bytes;
        std::string summary;
        testing::Asked asked{{}, false};
        for (std::size_t count = 1 + chance.below(4); count > 0; --count) {
            asked.methods.emplace_back("GET");
            summary += summary.empty() ? "" : " ";
            if (chance.below(3) == 0) {
                appendResponseHead(bytes, 103, "Early Hints", chance.fields(3), BodyLength::none());
                summary += "103() ";
            }
            const std::string body = chance.binary(500);
            const bool chunked = chance.below(2) == 0;
            const int code = static_cast<int>(400 + chance.below(200));
            appendResponseHead(bytes, code, chance.text("ab \t\x80", 20), chance.fields(10),
                               chunked ? BodyLength::chunked() : BodyLength::known(body.size()));
            if (chunked)
                appendChunkedBody(bytes, body, chance);
            else
                bytes += body;
            summary += std::to_string(code) + "{" + body + "}";
        }
        const auto got = testing::responseTranscript(chance.cut(bytes), asked);
        ASSERT_EQ(got.reason, ParseReason::None) << ParseError(got.reason).what();
        ASSERT_EQ(got.summary, summary);
        ASSERT_EQ(got.eof, WireEof::Clean);
        ASSERT_EQ(got.problem, "");
    }
}

// One byte changed at every place of a message never makes the parser misbehave, and whole and
// cut input always agree.
TEST(RoundTrip, survivesOneChangedByte) {
    const std::string bytes =
        "POST /a?b HTTP/1.1\r\nHost: t:80\r\nTransfer-Encoding: chunked\r\nConnection: "
        "close\r\n\r\n"
        "5;a=\"b\"\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
    for (std::size_t place = 0; place < bytes.size(); ++place) {
        for (int value = 0; value < 256; ++value) {
            std::string changed = bytes;
            changed[place] = static_cast<char>(value);
            const auto whole = testing::requestTranscript({changed});
            const std::string_view view = changed;
            const auto halves =
                testing::requestTranscript({view.substr(0, place), view.substr(place)});
            ASSERT_TRUE(whole == halves) << "byte " << value << " at " << place;
            ASSERT_EQ(whole.problem, "");
        }
    }
}

}  // namespace
}  // namespace marline::http
