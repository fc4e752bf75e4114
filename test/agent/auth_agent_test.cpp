#include <marline/agent/auth_agent.hpp>

#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/detail/digest.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/agent/request_bodies.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class AuthAgentTest : public ::testing::Test {
protected:
    ~AuthAgentTest() override { inner->closeAll(); }

    ScriptedAgentHandle base() const { return ScriptedAgentHandle(inner); }
    std::string sent(std::size_t i) const { return (*inner)[i].field("Authorization"); }
    static std::string challenge(const std::string& text) {
        return reply("401 Who", "WWW-Authenticate: " + text + "\r\n");
    }

    NoUnhandled unhandled;
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
};

// RFC 7617: user and password in base64, of any length; RFC 4648's own examples come with it.
TEST_F(AuthAgentTest, basicIsEncoded) {
    EXPECT_EQ(basicAuthorization("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    EXPECT_EQ(basicAuthorization("a", ""), "Basic YTo=");
    EXPECT_EQ(basicAuthorization("a", "b"), "Basic YTpi");
    EXPECT_EQ(basicAuthorization("\xff\xfe", "\xfd"), "Basic //46/Q==");
}

// TQ-4: a field is added to every request that has none.
TEST_F(AuthAgentTest, basicAndBearerAreSent) {
    Outcome<Response>(BasicAuthAgent(base(), "me", "secret").request("GET", "http://h/"));
    Outcome<Response>(BearerAuthAgent(base(), "a.b-c=").request("GET", "http://h/"));
    Outcome<Response>(BearerAuthAgent(base(), "abc")
                          .request("GET", "http://h/", http::Headers{{"authorization", "own"}}));
    EXPECT_EQ(sent(0), "Basic bWU6c2VjcmV0");
    EXPECT_EQ(sent(1), "Bearer a.b-c=");
    EXPECT_EQ(sent(2), "own");
    EXPECT_THROW(BearerAuthAgent(base(), "a b"), std::invalid_argument);
    EXPECT_THROW(BearerAuthAgent(base(), ""), std::invalid_argument);
}

// TQ-4, WX-9: around a RedirectAgent the field does not leave the origin.
TEST_F(AuthAgentTest, authorizationStaysInItsOrigin) {
    inner->answer(reply("302 Go", "Location: http://other/\r\n")).answer(reply("200 OK"));
    Outcome<Response>(BasicAuthAgent(RedirectAgent(base()), "me", "x").request("GET", "http://h/"));
    EXPECT_NE(sent(0), "");
    EXPECT_EQ(sent(1), "");
}

// RFC 7616 §3.9.1: the RFC's own example, by both algorithms.
TEST_F(AuthAgentTest, digestOfTheRfc) {
    const http::Headers headers{
        {"WWW-Authenticate",
         "Basic realm=\"x, y\", Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", "
         "algorithm=SHA-256, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
         "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""}};
    auto challenge = detail::findDigestChallenge(headers);
    ASSERT_TRUE(challenge.has_value());
    detail::DigestAnswer answer{"Mufasa",
                                "Circle of Life",
                                "GET",
                                "/dir/index.html",
                                "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                                1};
    const std::string text = detail::digestAuthorization(*challenge, answer);
    EXPECT_THAT(text, HasSubstr("response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8d"
                                "b5856cb6c1\""));
    EXPECT_THAT(text, HasSubstr("qop=auth, nc=00000001, cnonce=\"f2/wE4q74E6z"));
    EXPECT_THAT(text, HasSubstr("opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""));
    challenge->algorithm = "MD5";
    EXPECT_THAT(detail::digestAuthorization(*challenge, answer),
                HasSubstr("response=\"8ca523f5e9506fed4657c9700eebdbec\""));
}

// RFC 2617 without qop, and the -sess forms, whose secret has the nonces in it.
TEST_F(AuthAgentTest, olderDigests) {
    detail::DigestChallenge challenge{
        "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", {}, ""};
    const detail::DigestAnswer answer{"Mufasa",          "Circle Of Life", "GET",
                                      "/dir/index.html", "0a4f113b",       1};
    EXPECT_THAT(detail::digestAuthorization(challenge, answer),
                HasSubstr("response=\"670fd8c2df070c60b045671b8b24ff02\""));
    EXPECT_THAT(detail::digestAuthorization(challenge, answer), Not(HasSubstr("nc=")));
    challenge.qopAuth = true;
    EXPECT_THAT(detail::digestAuthorization(challenge, answer),
                HasSubstr("response=\"6629fae49393a05397450978507c4ef1\""));
    challenge.algorithm = "MD5-sess";
    const std::string session = detail::digestAuthorization(challenge, answer);
    EXPECT_THAT(session, HasSubstr("algorithm=MD5-sess"));
    EXPECT_THAT(session, Not(HasSubstr("6629fae49393a05397450978507c4ef1")));
}

// Challenges that cannot be answered, or are none, are passed over.
TEST_F(AuthAgentTest, challengesAreChosen) {
    for (const char* text :
         {"", "Basic realm=\"x\"", "Digest", "Digest realm=\"r\"", "Digest nonce=\"n\"",
          "Digest realm=\"r\", nonce=\"n\", algorithm=XYZ",
          "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"", "Digest realm=\"open", "=,=,\"\""}) {
        EXPECT_FALSE(
            detail::findDigestChallenge(http::Headers{{"WWW-Authenticate", text}}).has_value())
            << text;
    }
    const auto found = detail::findDigestChallenge(http::Headers{
        {"WWW-Authenticate", "Negotiate abc==, Digest realm=\"r\", nonce=\"n\", algorithm=XYZ"},
        {"WWW-Authenticate", "digest Realm = \"a \\\"b\\\"\" , nonce=n,stale=TRUE"}});
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->realm, "a \"b\"");
    EXPECT_TRUE(found->stale);
}

constexpr const char* kDigest = "Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"";

// A challenge is answered once; the next requests to that origin say at once what was learned, each
// with a higher count.
TEST_F(AuthAgentTest, digestAnswersAChallenge) {
    const DigestAuthAgent agent(base(), "me", "secret");
    inner->answer(challenge(kDigest)).answer(reply("200 OK"));
    Outcome<Response> first(agent.request("PUT", "http://h/a?b", {}, makeRef<StringBody>("body")));
    EXPECT_EQ(first.value().code(), 200);
    EXPECT_EQ(sent(0), "");
    EXPECT_THAT(sent(1), StartsWith("Digest username=\"me\", realm=\"r\", nonce=\"n1\", "
                                    "uri=\"/a?b\""));
    EXPECT_TRUE(static_cast<bool>((*inner)[1].body));
    Outcome<Response> second(agent.request("GET", "http://h/"));
    EXPECT_THAT(sent(2), HasSubstr("nc=00000002"));
    Outcome<Response> elsewhere(agent.request("GET", "http://other/"));
    EXPECT_EQ(sent(3), "");
    Outcome<Response> own(agent.request("GET", "http://h/", http::Headers{{"Authorization", "x"}}));
    EXPECT_EQ(sent(4), "x");
}

// A refused password is given back; a nonce that has grown old is not a refused password.
TEST_F(AuthAgentTest, digestGivesUp) {
    const DigestAuthAgent agent(base(), "me", "wrong");
    inner->answer(challenge(kDigest)).answer(challenge(kDigest));
    EXPECT_EQ(Outcome<Response>(agent.request("GET", "http://h/")).value().code(), 401);
    EXPECT_EQ(inner->requests(), 2U);
    inner->answer(challenge(kDigest));
    EXPECT_EQ(Outcome<Response>(agent.request("GET", "http://h/")).value().code(), 401);
    EXPECT_EQ(inner->requests(), 3U);
    inner->answer(challenge("Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true"));
    inner->answer(reply("200 OK"));
    EXPECT_EQ(Outcome<Response>(agent.request("GET", "http://h/")).value().code(), 200);
    EXPECT_THAT(sent(4), HasSubstr("nonce=\"n2\""));
}

// A body that is gone, another origin, and other schemes leave the 401 as it is.
TEST_F(AuthAgentTest, digestLeavesOthers) {
    inner->answer(challenge(kDigest));
    Outcome<Response> gone(DigestAuthAgent(base(), "a", "b")
                               .request("PUT", "http://h/", {}, makeRef<GeneratorBody>([] {
                                            return succeed(std::optional<std::string>());
                                        })));
    EXPECT_EQ(gone.value().code(), 401);
    inner->answer(reply("302 Go", "Location: http://other/\r\n")).answer(challenge(kDigest));
    Outcome<Response> other(
        DigestAuthAgent(RedirectAgent(base()), "a", "b").request("GET", "http://h/"));
    EXPECT_EQ(other.value().code(), 401);
    inner->answer(challenge("Basic realm=\"x\""));
    Outcome<Response> basic(DigestAuthAgent(base(), "a", "b").request("GET", "http://h/"));
    EXPECT_EQ(basic.value().code(), 401);
    EXPECT_EQ(inner->requests(), 4U);
}

}  // namespace
