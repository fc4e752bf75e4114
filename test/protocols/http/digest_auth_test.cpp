// DigestAuth: who passes, and what is asked of the others.
#include <marline/protocols/http/detail/digest_hash.hpp>
#include <marline/protocols/http/digest_auth.hpp>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "server_wire.hpp"

namespace marline::http {
namespace {

using namespace std::chrono_literals;
using test::ServerWire;

constexpr const char* kUser = "Mufasa";
constexpr const char* kPassword = "Circle of Life";
constexpr const char* kRealm = "the staff";

/// Guards a page that says who asked.
Ref<DigestAuth> guarded(DigestOptions options = {}) {
    return makeRef<DigestAuth>(
        makeRef<FunctionResource>([](Request& request) -> Rendered { return request.getUser(); }),
        kRealm,
        [](std::string_view user, DigestAlgorithm algorithm) -> std::optional<std::string> {
            if (user == "empty") {
                return "";
            }
            return user == kUser ? std::optional(digestSecret(algorithm, user, kRealm, kPassword))
                                 : std::nullopt;
        },
        std::move(options));
}

/// What a client says, right unless changed.
struct Answer {
    std::string nonce;
    std::string opaque;
    std::string user = kUser;
    std::string password = kPassword;
    std::string realm = kRealm;
    std::string uri = "/page?x=1";
    std::string algorithm = "SHA-256";
    std::string count = "00000001";
    std::string cnonce = "0a4f113b";
    std::string qop = "auth";
    std::string scheme = "Digest";
    std::string more = {};

    std::string field() const {
        const auto* const hash = detail::digestAlgorithm(algorithm);
        const std::string secret = detail::digestHash(hash, {user, realm, password});
        const std::string response = detail::digestHash(
            hash, {secret, nonce, count, cnonce, qop, detail::digestHash(hash, {"GET", uri})});
        return "Authorization: " + scheme + " username=" + detail::quotedText(user) + ", realm=\"" +
               realm + "\",nonce=\"" + nonce + "\" , uri=\"" + uri + "\", response=\"" + response +
               "\", opaque=\"" + opaque + "\", algorithm=" + algorithm + ", qop=" + qop +
               ", nc=" + count + ", cnonce=\"" + cnonce + "\"" + more + "\r\n";
    }
};

class DigestAuthTest : public test::ServerTest {
protected:
    static std::string ask(ServerWire& wire, const std::string& fields = {}) {
        return wire.exchange("GET /page?x=1 HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n");
    }
    static std::string quotedIn(const std::string& answer, const std::string& name) {
        const std::size_t at = answer.find(name + "=\"");
        if (at == std::string::npos) {
            return {};
        }
        const std::size_t from = at + name.size() + 2;
        return answer.substr(from, answer.find('"', from) - from);
    }
    /// An answer to a new challenge.
    static Answer challenged(ServerWire& wire) {
        const std::string answer = ask(wire);
        return {.nonce = quotedIn(answer, "nonce"), .opaque = quotedIn(answer, "opaque")};
    }
    static std::string code(const std::string& answer) { return answer.substr(9, 3); }
    static bool stale(const std::string& answer) {
        return code(answer) == "401" && answer.find(", stale=true\r\n") != std::string::npos;
    }
};

// RFC 7616 §3.9.1: the secret is what the RFC's example has.
TEST_F(DigestAuthTest, makesSecrets) {
    EXPECT_EQ(digestSecret(DigestAlgorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life"),
              "939e7578ed9e3c518a452acee763bce9");
    EXPECT_EQ(
        digestSecret(DigestAlgorithm::Sha256, "Mufasa", "http-auth@example.org", "Circle of Life"),
        "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
}

// RFC 7616 §3.3: who says nothing is told what is wanted, the best algorithm first.
TEST_F(DigestAuthTest, challenges) {
    ServerWire wire(guarded());
    const std::string answer = ask(wire);
    const std::string nonce = quotedIn(answer, "nonce");
    const std::string opaque = quotedIn(answer, "opaque");
    EXPECT_EQ(nonce.size(), 48U);
    EXPECT_EQ(opaque.size(), 64U);
    const std::string rest =
        ", qop=\"auth\", nonce=\"" + nonce + "\", opaque=\"" + opaque + "\", charset=UTF-8\r\n";
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << answer;
    EXPECT_NE(
        answer.find("\r\nWWW-Authenticate: Digest realm=\"the staff\", algorithm=SHA-256" + rest +
                    "WWW-Authenticate: Digest realm=\"the staff\", algorithm=MD5" + rest),
        std::string::npos)
        << answer;
    EXPECT_NE(quotedIn(ask(wire), "nonce"), nonce) << "each challenge has its own";
}

// Who knows the password passes, by either algorithm, and the scheme is in any case.
TEST_F(DigestAuthTest, letsPass) {
    for (const char* algorithm : {"SHA-256", "MD5", "sha-256"}) {
        ServerWire wire(guarded());
        Answer answer = challenged(wire);
        answer.algorithm = algorithm;
        answer.scheme = "dIGEST";
        const std::string got = ask(wire, answer.field());
        EXPECT_EQ(code(got), "200") << got;
        EXPECT_TRUE(got.ends_with("\r\n\r\nMufasa"));
    }
}

// RFC 7616 §3.4: whatever is not as it must be is asked again, and is not called stale.
TEST_F(DigestAuthTest, refuses) {
    const auto changed = [](void (*change)(Answer&)) {
        ServerWire wire(guarded());
        Answer answer = challenged(wire);
        change(answer);
        const std::string got = ask(wire, answer.field());
        return code(got) + (stale(got) ? " stale" : "");
    };
    EXPECT_EQ(changed([](Answer&) {}), "200");
    EXPECT_EQ(changed([](Answer& a) { a.password = "wrong"; }), "401");
    EXPECT_EQ(changed([](Answer& a) { a.user = "Scar"; }), "401");
    EXPECT_EQ(changed([](Answer& a) { a.user = "empty"; }), "401");
    EXPECT_EQ(changed([](Answer& a) { a.realm = "others"; }), "401");
    EXPECT_EQ(changed([](Answer& a) { a.algorithm = "SHA-512-256"; }), "401");
    EXPECT_EQ(changed([](Answer& a) { a.algorithm = "SHA-256-sess"; }), "401");
    EXPECT_EQ(changed([](Answer& a) { a.qop = "auth-int"; }), "401");
    EXPECT_EQ(changed([](Answer& a) { a.cnonce = ""; }), "401");
    EXPECT_EQ(changed([](Answer& a) { a.scheme = "Basic"; }), "401");
    for (const char* count : {"00000000", "1", "000000001", "0000000g", "+0000001", ""}) {
        ServerWire wire(guarded());
        Answer answer = challenged(wire);
        answer.count = count;
        EXPECT_EQ(code(ask(wire, answer.field())), "401") << count;
    }
}

// An empty secret is nobody's: what can be computed without a password lets nobody in.
TEST_F(DigestAuthTest, refusesEmptySecrets) {
    ServerWire wire(guarded());
    const Answer answer = challenged(wire);
    const auto* const hash = detail::digestAlgorithm("SHA-256");
    const std::string response =
        detail::digestHash(hash, {"", answer.nonce, "00000001", "c", "auth",
                                  detail::digestHash(hash, {"GET", "/page?x=1"})});
    for (const char* user : {"empty", "nobody"}) {
        EXPECT_EQ(code(ask(wire, "Authorization: Digest username=\"" + std::string(user) +
                                     "\", realm=\"the staff\", nonce=\"" + answer.nonce +
                                     "\", uri=\"/page?x=1\", algorithm=SHA-256, qop=auth, "
                                     "nc=00000001, cnonce=\"c\", response=\"" +
                                     response + "\", opaque=\"" + answer.opaque + "\"\r\n")),
                  "401");
    }
}

// What cannot be read, or says a thing twice, is no credentials.
TEST_F(DigestAuthTest, refusesWhatItCannotRead) {
    ServerWire wire(guarded());
    for (const char* more :
         {", realm=\"the staff\"", ", Realm=x", ", x", ", x=\"open", " x=1", ", x=\"a\"b"}) {
        Answer answer = challenged(wire);
        answer.more = more;
        EXPECT_EQ(code(ask(wire, answer.field())), "401") << more;
    }
    for (const char* more : {",", ", x=\"\\\"\"", ", x=", ", unknown=\"a, b\""}) {
        Answer answer = challenged(wire);
        answer.more = more;
        EXPECT_EQ(code(ask(wire, answer.field())), "200") << more;
    }
    for (const char* field : {"Digest", "Digest ", "Digest =", "Digest x=\"\\"}) {
        EXPECT_EQ(code(ask(wire, "Authorization: " + std::string(field) + "\r\n")), "401") << field;
    }
}

// RFC 7616 §3.4.6: credentials for another target are a bad request.
TEST_F(DigestAuthTest, refusesAnotherTarget) {
    ServerWire wire(guarded());
    Answer answer = challenged(wire);
    answer.uri = "/page?x=2";
    EXPECT_EQ(code(ask(wire, answer.field())), "400");
}

// RFC 7616 §3.4: the same answer does not count twice, and the client gets another nonce unasked.
TEST_F(DigestAuthTest, refusesReplays) {
    ServerWire wire(guarded());
    Answer answer = challenged(wire);
    EXPECT_EQ(code(ask(wire, answer.field())), "200");
    EXPECT_TRUE(stale(ask(wire, answer.field())));
    answer.count = "00000003";
    EXPECT_EQ(code(ask(wire, answer.field())), "200");
    answer.count = "00000002";
    EXPECT_EQ(code(ask(wire, answer.field())), "200") << "overtaken on another connection";
    EXPECT_TRUE(stale(ask(wire, answer.field())));
    answer.count = "00000043";
    EXPECT_EQ(code(ask(wire, answer.field())), "200");
    EXPECT_TRUE(stale(ask(wire, answer.field())));
    answer.count = "00000004";
    EXPECT_EQ(code(ask(wire, answer.field())), "200") << "63 behind is still known";
    answer.count = "00000003";
    EXPECT_TRUE(stale(ask(wire, answer.field()))) << "64 behind is not";
    answer.count = "ffffffff";
    EXPECT_EQ(code(ask(wire, answer.field())), "200");
    EXPECT_TRUE(stale(ask(wire, answer.field())));
}

// DigestOptions::nonceLifetime: afterwards the nonce is stale, for who knows the password only.
TEST_F(DigestAuthTest, renewsNonces) {
    ServerWire wire(guarded({.nonceLifetime = 20s}));
    Answer answer = challenged(wire);
    wire.clock().advance(20s - 1ns);
    EXPECT_EQ(code(ask(wire, answer.field())), "200");
    wire.clock().advance(1ns);
    answer.count = "00000002";
    const std::string got = ask(wire, answer.field());
    EXPECT_TRUE(stale(got)) << got;
    answer.password = "wrong";
    const std::string wrong = ask(wire, answer.field());
    EXPECT_EQ(code(wrong), "401");
    EXPECT_FALSE(stale(wrong));
    Answer renewed{.nonce = quotedIn(got, "nonce"), .opaque = quotedIn(got, "opaque")};
    EXPECT_EQ(code(ask(wire, renewed.field())), "200");
}

// A nonce that was made elsewhere, or whose opaque is not its own, is stale.
TEST_F(DigestAuthTest, knowsItsNonces) {
    ServerWire wire(guarded());
    const Answer other = challenged(wire);
    Answer answer = challenged(wire);
    answer.opaque = other.opaque;
    EXPECT_TRUE(stale(ask(wire, answer.field())));
    answer.opaque.clear();
    EXPECT_TRUE(stale(ask(wire, answer.field())));
    answer.nonce = "";
    EXPECT_TRUE(stale(ask(wire, answer.field())));
    ServerWire restarted(guarded());
    EXPECT_TRUE(stale(ask(restarted, other.field())));
}

// DigestOptions::maxNonces: the oldest one goes, and cannot come back with what it has said.
TEST_F(DigestAuthTest, boundsTheNonces) {
    ServerWire wire(guarded({.maxNonces = 2}));
    std::vector<Answer> answers;
    for (int i = 0; i < 3; ++i) {
        answers.push_back(challenged(wire));
        wire.clock().advance(1s);
        EXPECT_EQ(code(ask(wire, answers.back().field())), "200");
    }
    EXPECT_TRUE(stale(ask(wire, answers[0].field())));
    answers[0].count = "00000002";
    EXPECT_TRUE(stale(ask(wire, answers[0].field())));
    answers[1].count = "00000002";
    EXPECT_EQ(code(ask(wire, answers[1].field())), "200");
}

// A user's name may have what quotes escape.
TEST_F(DigestAuthTest, readsEscapes) {
    const auto auth = makeRef<DigestAuth>(
        makeRef<FunctionResource>([](Request& request) -> Rendered { return request.getUser(); }),
        kRealm, [](std::string_view user, DigestAlgorithm algorithm) {
            return std::optional(digestSecret(algorithm, user, kRealm, kPassword));
        });
    ServerWire wire(auth);
    Answer answer = challenged(wire);
    answer.user = "a\"b\\c, d=e";
    EXPECT_TRUE(ask(wire, answer.field()).ends_with("\r\n\r\na\"b\\c, d=e"));
}

// RFC 7616 §3.4: a name that is not of ASCII comes as `username*`, coded as RFC 8187 says.
TEST_F(DigestAuthTest, readsNamesBeyondAscii) {
    const std::string name = "J\xc3\xa4s\xc3\xb8n Doe";
    const auto auth = makeRef<DigestAuth>(
        makeRef<FunctionResource>([](Request& request) -> Rendered { return request.getUser(); }),
        kRealm, [&](std::string_view user, DigestAlgorithm algorithm) {
            return user == name ? std::optional(digestSecret(algorithm, user, kRealm, kPassword))
                                : std::nullopt;
        });
    ServerWire wire(auth);
    const auto askAs = [&](const std::string& parameter) {
        Answer answer = challenged(wire);
        answer.user = name;
        std::string field = answer.field();
        const std::string plain = "username=" + detail::quotedText(name);
        return ask(wire, field.replace(field.find(plain), plain.size(), parameter));
    };
    const std::string coded = "UTF-8''J%C3%A4s%C3%B8n%20Doe";
    EXPECT_TRUE(askAs("username*=" + coded).ends_with("\r\n\r\n" + name));
    EXPECT_TRUE(askAs("username*=utf-8'da'J%c3%a4s%C3%B8n%20Doe").ends_with("\r\n\r\n" + name));
    for (const std::string& bad :
         {"username*=" + coded + ", username=\"x\"", std::string("username*=J%C3%A4s%C3%B8n%20Doe"),
          std::string("username*=ISO-8859-1''J%E4s%F8n%20Doe"), std::string("username*=UTF-8'"),
          std::string("username*=")}) {
        EXPECT_EQ(code(askAs(bad)), "401") << bad;
    }
}

// A target that is the same in another form is another one (see DigestAuth::standIn()).
TEST_F(DigestAuthTest, wantsTheTargetAsItWasSent) {
    ServerWire wire(guarded());
    Answer answer = challenged(wire);
    answer.uri = "http://t/page?x=1";
    EXPECT_EQ(code(ask(wire, answer.field())), "400");
}

// Under FIPS OpenSSL does not do every hash: what it does not do is not offered.
TEST_F(DigestAuthTest, offersWhatOpensslDoes) {
    EXPECT_TRUE(detail::digestWorks(detail::digestAlgorithm("MD5")));
    ASSERT_EQ(EVP_set_default_properties(nullptr, "fips=yes"), 1);  // nothing of this process is
    const bool works = detail::digestWorks(detail::digestAlgorithm("MD5"));
    EXPECT_THROW(guarded(), std::invalid_argument);
    ASSERT_EQ(EVP_set_default_properties(nullptr, ""), 1);
    EXPECT_FALSE(works);
    EXPECT_NO_THROW(guarded());
}

// What would let nobody in, or cannot be said, is misuse.
TEST_F(DigestAuthTest, refusesMisuse) {
    const auto make = [](const std::string& realm, DigestOptions options) {
        makeRef<DigestAuth>(makeRef<Data>("", ""), realm, nullptr, std::move(options));
    };
    EXPECT_NO_THROW(make("r", {}));
    EXPECT_THROW(make("a\"b", {}), std::invalid_argument);
    EXPECT_THROW(make("r", {.algorithms = {}}), std::invalid_argument);
    EXPECT_THROW(make("r", {.nonceLifetime = 0s}), std::invalid_argument);
    EXPECT_THROW(make("r", {.maxNonces = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace marline::http
