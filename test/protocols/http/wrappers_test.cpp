// Resources that stand in front of others: virtual hosts, passwords, encodings.
#include <marline/protocols/http/auth.hpp>
#include <marline/protocols/http/content_decoder.hpp>
#include <marline/protocols/http/content_encoder.hpp>
#include <marline/protocols/http/form.hpp>
#include <marline/protocols/http/vhost.hpp>

#include <marline/deferred/succeed.hpp>

#include <gtest/gtest.h>

#include <span>
#include <stdexcept>
#include <string>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using test::ServerWire;

class WrappersTest : public test::ServerTest {
protected:
    static std::string ask(const Ref<Resource>& root, const std::string& fields,
                           const std::string& line = "GET / HTTP/1.1") {
        ServerWire wire(root);
        return wire.exchange(line + "\r\n" + fields + "\r\n");
    }
    static std::string bodyOf(const std::string& answer) {
        return answer.substr(answer.find("\r\n\r\n") + 4);
    }
    static bool has(const std::string& answer, const std::string& line) {
        return answer.find("\r\n" + line + "\r\n") != std::string::npos;
    }
};

class VhostTest : public WrappersTest {};
class AuthTest : public WrappersTest {};
class EncodingTest : public WrappersTest {};

Ref<Resource> page(const std::string& text) { return makeRef<Data>(text, "text/plain"); }

// Z-14: the host without its port, in any case, decides; others get the fallback or a 404.
TEST_F(VhostTest, picksByHost) {
    auto hosts = makeRef<NameVirtualHost>();
    hosts->addHost("A.example", page("a"));
    hosts->addHost("[::1]", page("six"));
    EXPECT_EQ(bodyOf(ask(hosts, "Host: a.EXAMPLE:8080\r\n")), "a");
    EXPECT_EQ(bodyOf(ask(hosts, "Host: [::1]:80\r\n")), "six");
    EXPECT_EQ(bodyOf(ask(hosts, "Host: [::1]\r\n")), "six");
    EXPECT_EQ(ask(hosts, "Host: b.example\r\n").substr(9, 3), "404");
    EXPECT_EQ(ask(hosts, "", "GET / HTTP/1.0").substr(9, 3), "404");
    auto falling = makeRef<NameVirtualHost>(page("fallback"));
    EXPECT_EQ(bodyOf(ask(falling, "Host: b.example\r\n")), "fallback");
    hosts->removeHost("a.Example");
    EXPECT_EQ(ask(hosts, "Host: a.example\r\n").substr(9, 3), "404");
}

// RFC 9112 §3.2.2: the host of an absolute target counts, not the field.
TEST_F(VhostTest, theTargetsHostCounts) {
    auto hosts = makeRef<NameVirtualHost>();
    hosts->addHost("a.example", page("a"));
    EXPECT_EQ(bodyOf(ask(hosts, "Host: a.example\r\n", "GET http://a.example?q HTTP/1.1")), "a");
}

// The whole path is the host's own.
TEST_F(VhostTest, keepsThePath) {
    auto root = makeRef<Data>("", "");
    root->putChild("x", page("below"));
    auto hosts = makeRef<NameVirtualHost>();
    hosts->addHost("a", root);
    EXPECT_EQ(bodyOf(ask(hosts, "Host: a\r\n", "GET /x HTTP/1.1")), "below");
}

Ref<Resource> guarded() {
    return makeRef<BasicAuth>(
        makeRef<FunctionResource>([](Request& request) -> Rendered { return request.getUser(); }),
        "the staff", [](std::string_view user, std::string_view password) {
            return user == "Aladdin" && sameSecret(password, "open: sesame");
        });
}

// RFC 7617: without credentials, or with wrong ones, it is a 401 that says what is wanted.
TEST_F(AuthTest, asksForCredentials) {
    const std::string answer = ask(guarded(), "Host: t\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << answer;
    EXPECT_TRUE(has(answer, "WWW-Authenticate: Basic realm=\"the staff\", charset=\"UTF-8\""));
    for (const char* bad :
         {"Basic QWxhZGRpbjp3cm9uZw==", "Basic QWxhZGRpbg==", "Basic !!!!", "Basic", "Basic ",
          "Basic QWxhZGRpbjpvcGVuOiBzZXNhbWU", "Basic QWxhZGRpbjpvcGVuOiBzZXNhbWU==",
          "Bearer QWxhZGRpbjpvcGVuOiBzZXNhbWU=", "QWxhZGRpbjpvcGVuOiBzZXNhbWU="}) {
        EXPECT_EQ(
            ask(guarded(), "Host: t\r\nAuthorization: " + std::string(bad) + "\r\n").substr(9, 3),
            "401")
            << bad;
    }
}

// Who has them passes, by name; a password may have colons, and the scheme is in any case.
TEST_F(AuthTest, letsPass) {
    for (const char* scheme : {"Basic", "basic", "BASIC"}) {
        EXPECT_EQ(bodyOf(ask(guarded(), "Host: t\r\nAuthorization: " + std::string(scheme) +
                                            " QWxhZGRpbjpvcGVuOiBzZXNhbWU=\r\n")),
                  "Aladdin");
    }
    EXPECT_EQ(
        bodyOf(ask(guarded(), "Host: t\r\nAuthorization: Basic  QWxhZGRpbjpvcGVuOiBzZXNhbWU=\r\n")),
        "Aladdin");
}

// A request with a body is refused in the same way, challenge and all.
TEST_F(AuthTest, refusesBodiesToo) {
    const std::string answer =
        ask(guarded(), "Host: t\r\nContent-Length: 0\r\n", "POST / HTTP/1.1");
    EXPECT_TRUE(has(answer, "WWW-Authenticate: Basic realm=\"the staff\", charset=\"UTF-8\""));
}

// A realm that would end its quotes is misuse.
TEST_F(AuthTest, refusesRealmsThatCannotBeSaid) {
    for (const char* bad : {"a\"b", "a\\b", "a\nb"}) {
        EXPECT_THROW(makeRef<BasicAuth>(page(""), bad, nullptr), std::invalid_argument) << bad;
    }
}

// Secrets compare equal when they are.
TEST_F(AuthTest, comparesSecrets) {
    EXPECT_TRUE(sameSecret("", ""));
    EXPECT_TRUE(sameSecret("abc", "abc"));
    EXPECT_FALSE(sameSecret("abc", "abd"));
    EXPECT_FALSE(sameSecret("abc", "ab"));
}

/// What `body` was before `coding`; all of it must be there.
std::string decoded(std::string_view coding, std::string_view body) {
    const auto decoder = ContentDecoder::make(coding);
    std::span<const std::byte> input = asBytes(body);
    std::string out;
    for (;;) {
        const DecodeStep step = decoder->next(input);
        if (step == DecodeStep::Piece) {
            out += asText(decoder->piece());
        } else {
            EXPECT_EQ(step, DecodeStep::NeedInput) << decoder->error();
            EXPECT_TRUE(decoder->complete());
            return out;
        }
    }
}

std::string longText() {
    std::string text;
    for (int i = 0; i < 20'000; ++i) {
        text += std::to_string(i % 977) + " ";
    }
    return text;
}

// Z-13: what is accepted is used, with a length of its own; else the body goes as it is.
TEST_F(EncodingTest, encodesWhatIsAccepted) {
    const auto root = makeRef<EncodingResourceWrapper>(page(longText()));
    for (const std::string coding : {"gzip", "br", "zstd"}) {
        const std::string answer = ask(root, "Host: t\r\nAccept-Encoding: " + coding + "\r\n");
        const std::string body = bodyOf(answer);
        EXPECT_TRUE(has(answer, "Content-Encoding: " + coding)) << answer.substr(0, 300);
        EXPECT_TRUE(has(answer, "Content-Length: " + std::to_string(body.size())));
        EXPECT_TRUE(has(answer, "Vary: Accept-Encoding"));
        EXPECT_LT(body.size() * 3, longText().size());
        EXPECT_EQ(decoded(coding, body), longText());
    }
    const std::string plain = ask(root, "Host: t\r\n");
    EXPECT_EQ(bodyOf(plain), longText());
    EXPECT_TRUE(has(plain, "Vary: Accept-Encoding"));
    EXPECT_FALSE(has(plain, "Content-Encoding: gzip"));
}

// The client's weights decide, then the server's order.
TEST_F(EncodingTest, negotiates) {
    const auto root = makeRef<EncodingResourceWrapper>(page(longText()));
    EXPECT_TRUE(
        has(ask(root, "Host: t\r\nAccept-Encoding: gzip, br, zstd\r\n"), "Content-Encoding: br"));
    EXPECT_TRUE(
        has(ask(root, "Host: t\r\nAccept-Encoding: gzip, br;q=0.5\r\n"), "Content-Encoding: gzip"));
    EXPECT_FALSE(
        has(ask(root, "Host: t\r\nAccept-Encoding: gzip;q=0\r\n"), "Content-Encoding: gzip"));
    EXPECT_THROW(makeRef<ContentEncodings>(EncodingOptions{.codings = {"lzma"}}),
                 std::invalid_argument);
}

// HEAD says what GET would, but for the length, which is not known.
TEST_F(EncodingTest, headHasTheFields) {
    const std::string answer = ask(makeRef<EncodingResourceWrapper>(page(longText())),
                                   "Host: t\r\nAccept-Encoding: gzip\r\n", "HEAD / HTTP/1.1");
    EXPECT_TRUE(has(answer, "Content-Encoding: gzip"));
    EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
    EXPECT_EQ(bodyOf(answer), "");
}

/// Answers with a long text and what the path says about it.
Rendered special(Request& request) {
    request.setHeader("Content-Type", "text/plain");
    const std::string_view path = request.path();
    if (path == "/short") {
        return std::string(1023, 'x');
    }
    if (path == "/image") {
        request.setHeader("Content-Type", "image/png");
    } else if (path == "/coded") {
        request.setHeader("Content-Encoding", "br");
    } else if (path == "/asis") {
        request.setHeader("Cache-Control", "private, no-transform");
    } else if (path == "/part") {
        request.setResponseCode(206);
    } else if (path == "/error") {
        request.setResponseCode(404);
    } else if (path == "/vary") {
        request.setHeader("Vary", "Origin");
    } else if (path == "/tag") {
        request.setETag("\"v\"");
    } else if (path == "/default") {
        request.responseHeaders().removeHeader("Content-Type");
    }
    return std::string(1024, 'x');
}

// Z-13: what is short, no text, coded already, a part or an error goes as it is.
TEST_F(EncodingTest, leavesOthersAlone) {
    const auto root = makeRef<EncodingResourceWrapper>(makeRef<FunctionResource>(special));
    const auto encoded = [&](const std::string& path) {
        return has(ask(root, "Host: t\r\nAccept-Encoding: gzip\r\n", "GET " + path + " HTTP/1.1"),
                   "Content-Encoding: gzip");
    };
    for (const char* path : {"/short", "/image", "/coded", "/asis", "/part", "/error"}) {
        EXPECT_FALSE(encoded(path)) << path;
    }
    EXPECT_TRUE(encoded("/"));
    EXPECT_TRUE(encoded("/default")) << "text/html is text";
}

// An encoded body is another representation: its tag is weak, and Vary says why.
TEST_F(EncodingTest, tellsCaches) {
    const auto root = makeRef<EncodingResourceWrapper>(makeRef<FunctionResource>(special));
    const auto get = [&](const std::string& path) {
        return ask(root, "Host: t\r\nAccept-Encoding: gzip\r\n", "GET " + path + " HTTP/1.1");
    };
    EXPECT_TRUE(has(get("/tag"), "ETag: W/\"v\""));
    EXPECT_TRUE(has(get("/vary"), "Vary: Origin\r\nContent-Type: text/plain") ||
                has(get("/vary"), "Vary: Origin"));
    EXPECT_TRUE(has(get("/vary"), "Vary: Accept-Encoding"));
}

// A body of several blocks of the encoder is whole, given at once and in pieces.
TEST_F(EncodingTest, manyBlocksAreWhole) {
    std::string text;
    for (unsigned random = 1; text.size() < 1'000'000;) {
        random = random * 1664525 + 1013904223;
        text += static_cast<char>(' ' + (random >> 26));
    }
    for (const std::string coding : {"gzip", "br", "zstd"}) {
        std::string once;
        ContentEncoder::make(coding, 4)->encode(text, EncodeFlush::Finish, once);
        EXPECT_TRUE(decoded(coding, once) == text) << coding;
        std::string pieces;
        const auto encoder = ContentEncoder::make(coding, 4);
        encoder->encode(std::string_view(text).substr(0, 600'000), EncodeFlush::Sync, pieces);
        encoder->encode(std::string_view(text).substr(600'000), EncodeFlush::Finish, pieces);
        EXPECT_TRUE(decoded(coding, pieces) == text) << coding;
    }
}

// A stream is encoded piece by piece, and each piece can be decoded when it is there.
TEST_F(EncodingTest, encodesStreams) {
    for (const std::string coding : {"gzip", "br", "zstd"}) {
        ServerWire wire(Ref<Resource>(makeRef<EncodingResourceWrapper>(
            makeRef<FunctionResource>([](Request& request) -> Rendered {
                request.setHeader("Content-Type", "text/plain");
                request.write({});
                request.write("first ");
                request.write("second");
                request.finish();
                return NotDoneYet{};
            }))));
        std::string answer =
            wire.exchange("GET / HTTP/1.1\r\nHost: t\r\nAccept-Encoding: " + coding + "\r\n\r\n");
        EXPECT_TRUE(has(answer, "Transfer-Encoding: chunked"));
        std::string rest = bodyOf(answer);
        std::string body;
        std::size_t chunks = 0;
        for (;; ++chunks) {
            const std::size_t size = std::stoul(rest, nullptr, 16);
            if (size == 0) {
                break;
            }
            body += rest.substr(rest.find("\r\n") + 2, size);
            rest.erase(0, rest.find("\r\n") + 2 + size + 2);
        }
        EXPECT_EQ(decoded(coding, body), "first second");
        EXPECT_GE(chunks, 2U) << coding;
    }
}

// A body of megabytes comes out whole, whatever the room inside.
TEST_F(EncodingTest, encodesLargeBodies) {
    std::string large;
    unsigned random = 1;
    while (large.size() < (1U << 20U)) {
        random = random * 1103515245U + 12345U;
        large += static_cast<char>(random >> 16U);
    }
    for (const std::string coding : {"gzip", "br", "zstd"}) {
        for (const int effort : {1, 9}) {
            std::string out;
            ContentEncoder::make(coding, effort)->encode(large, EncodeFlush::Finish, out);
            EXPECT_EQ(decoded(coding, out), large) << coding;
        }
    }
    EXPECT_EQ(ContentEncoder::make("deflate", 1), nullptr);
}

}  // namespace
}  // namespace marline::http
