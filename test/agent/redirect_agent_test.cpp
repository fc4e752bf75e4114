#include <marline/agent/redirect_agent.hpp>

#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/errors.hpp>
#include <marline/agent/request_bodies.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string redirect(int code, const std::string& location) {
    return reply(std::to_string(code) + " Go", "Location: " + location + "\r\n");
}

class RedirectAgentTest : public ::testing::Test {
protected:
    ~RedirectAgentTest() override { inner->closeAll(); }

    template <class Agent = RedirectAgent>
    Outcome<Response> request(const char* method = "GET", const std::string& uri = "http://h/a/b",
                              RedirectAgentOptions options = {}, const http::Headers& headers = {},
                              Ref<IBodyProducer> body = {}) {
        const Agent agent{ScriptedAgentHandle(inner), std::move(options)};
        return Outcome<Response>(agent.request(method, uri, headers, std::move(body)));
    }
    template <class E>
    static const E* held(const Outcome<Response>& outcome) {
        const auto* failed = outcome.failed<ResponseFailed>();
        return failed == nullptr ? nullptr : failed->reasons().at(0).check<E>();
    }

    NoUnhandled unhandled;
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
};

// WX-1: 301, 302, 307 and 308 are followed for GET and HEAD, which stay what they are.
TEST_F(RedirectAgentTest, followsSafeMethods) {
    for (const char* method : {"GET", "HEAD"}) {
        for (const int code : {301, 302, 307, 308}) {
            inner->answer(redirect(code, "/c")).answer(reply("200 OK"));
            auto response = request(method);
            ASSERT_TRUE(response.ok()) << code << response.message();
            EXPECT_EQ(response.value().code(), 200);
            EXPECT_EQ(inner->last().method, method);
            EXPECT_EQ(inner->last().uri, "http://h/c");
        }
    }
}

// WX-1: other methods fail with PageRedirect, which knows where it led.
TEST_F(RedirectAgentTest, otherMethodsAreNotRepeated) {
    for (const int code : {301, 302, 307, 308}) {
        inner->answer(redirect(code, "/c"));
        auto response = request("POST");
        ASSERT_NE(held<PageRedirect>(response), nullptr);
        EXPECT_EQ(held<PageRedirect>(response)->location(), "/c");
        EXPECT_EQ(held<PageRedirect>(response)->code(), code);
        EXPECT_THAT(held<PageRedirect>(response)->trail(), ElementsAre("http://h/a/b"));
    }
    EXPECT_EQ(inner->requests(), 4U);
}

// WX-2, WX-4: 303 goes on with GET (HEAD stays HEAD) without the body and what described it.
TEST_F(RedirectAgentTest, seeOtherBecomesGet) {
    const http::Headers headers{{"Content-Type", "a/b"}, {"Expect", "x"}, {"X-Own", "stays"}};
    inner->answer(redirect(303, "/c")).answer(reply("200 OK"));
    request("PUT", "http://h/a/b", {}, headers, makeRef<StringBody>("x"));
    EXPECT_EQ(inner->last().method, "GET");
    EXPECT_FALSE(inner->last().body);
    EXPECT_EQ(inner->last().field("Content-Type") + inner->last().field("Expect"), "");
    EXPECT_EQ(inner->last().field("X-Own"), "stays");
    inner->answer(redirect(303, "/c")).answer(reply("200 OK"));
    request("HEAD");
    EXPECT_EQ(inner->last().method, "HEAD");
}

// WX-3 (as Fetch says, not as Twisted does for 308): what browsers do with each method and code.
TEST_F(RedirectAgentTest, browserLikeFollowsAll) {
    struct Case {
        const char* method;
        int code;
        const char* becomes;
    };
    for (const Case& c :
         {Case{"POST", 301, "GET"}, Case{"POST", 302, "GET"}, Case{"POST", 303, "GET"},
          Case{"POST", 307, "POST"}, Case{"POST", 308, "POST"}, Case{"PUT", 301, "PUT"},
          Case{"DELETE", 302, "DELETE"}, Case{"PUT", 303, "GET"}, Case{"HEAD", 301, "HEAD"},
          Case{"HEAD", 303, "HEAD"}}) {
        inner->answer(redirect(c.code, "/c")).answer(reply("200 OK"));
        auto response = request<BrowserLikeRedirectAgent>(c.method, "http://h/", {}, {},
                                                          makeRef<StringBody>("x"));
        EXPECT_TRUE(response.ok()) << response.message();
        EXPECT_EQ(inner->last().method, c.becomes) << c.method << c.code;
        const bool kept = std::string(c.becomes) == c.method && c.code != 303;
        EXPECT_EQ(static_cast<bool>(inner->last().body), kept) << c.method << c.code;
    }
}

// A body that is gone once sent cannot be sent again.
TEST_F(RedirectAgentTest, browserLikeNeedsARepeatableBody) {
    inner->answer(redirect(307, "/c"));
    auto response = request<BrowserLikeRedirectAgent>(
        "POST", "http://h/", {}, {},
        makeRef<GeneratorBody>([] { return succeed(std::optional<std::string>()); }));
    ASSERT_NE(held<PageRedirect>(response), nullptr);
    EXPECT_THAT(response.message(), HasSubstr("the body of the POST cannot be sent twice"));
}

// WX-5: one redirect more than allowed fails: in one line that names the first, the last and how
// many, with the whole trail in the error.
TEST_F(RedirectAgentTest, limitIsKept) {
    inner->answer(redirect(302, "/1")).answer(reply("200 OK"));
    EXPECT_TRUE(request("GET", "http://h/0", {.redirectLimit = 1}).ok());
    for (int i = 1; i <= 21; ++i) {
        inner->answer(redirect(302, "/" + std::to_string(i)));
    }
    auto response = request("GET", "http://h/0");
    const auto* error = held<InfiniteRedirection>(response);
    ASSERT_NE(error, nullptr) << response.message();
    EXPECT_EQ(response.message(),
              "redirect not followed: 302 from http://h/20, behind 20 redirects from http://h/0: "
              "more redirects than redirectLimit allows, 20");
    ASSERT_EQ(error->trail().size(), 21U);
    EXPECT_EQ(error->trail().front(), "http://h/0");
    EXPECT_EQ(error->trail().back(), "http://h/20");
    EXPECT_EQ(inner->requests(), 23U);
}

// WX-6: without a Location, or with one that is none, there is nowhere to go.
TEST_F(RedirectAgentTest, noLocationFails) {
    inner->answer(reply("301 Go"));
    auto none = request();
    ASSERT_NE(held<RedirectWithNoLocation>(none), nullptr);
    EXPECT_EQ(none.message(), "redirect not followed: 301 from http://h/a/b: no Location field");
    inner->answer(redirect(301, "http://[bad/"));
    EXPECT_NE(held<RedirectWithNoLocation>(request()), nullptr);
}

// Several Locations are one when they are the same; else nobody knows which is meant.
TEST_F(RedirectAgentTest, locationsThatDifferFail) {
    inner->answer(reply("302 Go", "Location: /c\r\nLocation: /c\r\n")).answer(reply("200 OK"));
    EXPECT_TRUE(request().ok());
    EXPECT_EQ(inner->last().uri, "http://h/c");
    inner->answer(reply("302 Go", "Location: /c\r\nLocation: http://other/c\r\n"));
    const auto two = request();
    ASSERT_NE(held<RedirectWithNoLocation>(two), nullptr);
    EXPECT_THAT(two.message(), HasSubstr("Location fields differ"));
    EXPECT_EQ(inner->requests(), 3U);
}

// RFC 9110 §15.4: the other 3xx lead nowhere by themselves, for any method.
TEST_F(RedirectAgentTest, otherCodesAreAnswers) {
    for (const int code : {300, 304, 305, 306, 309, 201}) {
        for (const char* method : {"GET", "POST"}) {
            inner->answer(redirect(code, "/c"));
            const auto response = request<BrowserLikeRedirectAgent>(method);
            ASSERT_TRUE(response.ok()) << response.message();
            EXPECT_EQ(response.value().code(), code);
        }
    }
    EXPECT_EQ(inner->requests(), 12U);
}

// WX-7: Location may be relative, without a scheme, or have spaces; its fragment wins over the
// request's, which else goes on.
TEST_F(RedirectAgentTest, locationIsResolved) {
    for (const auto& [location, target] : std::vector<std::pair<std::string, std::string>>{
             {"c?q", "http://h/a/c?q#top"},
             {"//other/c", "http://other/c#top"},
             {"http://other:81", "http://other:81#top"},
             {"#end", "http://h/a/b#end"},
             {"../c d/\xc3\xa4", "http://h/c%20d/%C3%A4#top"}}) {
        inner->answer(redirect(302, location)).answer(reply("200 OK"));
        request("GET", "http://h/a/b#top");
        EXPECT_EQ(inner->last().uri, target) << location;
    }
}

// WX-8 (as it should be): each Location is resolved against the URI that gave it.
TEST_F(RedirectAgentTest, eachLocationIsResolvedWhereItWas) {
    inner->answer(redirect(302, "http://other/x/y")).answer(redirect(302, "z"));
    inner->answer(reply("200 OK"));
    request();
    EXPECT_EQ(inner->last().uri, "http://other/x/z");
}

// WX-9: credentials do not cross origins, whatever their case; they do not come back either.
TEST_F(RedirectAgentTest, credentialsDoNotCrossOrigins) {
    const http::Headers headers{{"AUTHORIZATION", "x"},    {"cookie", "x"},
                                {"Cookie2", "x"},          {"Proxy-Authorization", "x"},
                                {"WWW-Authenticate", "x"}, {"X-Token", "x"},
                                {"X-Own", "stays"}};
    for (const char* away : {"http://other/", "http://h:81/", "https://h/"}) {
        inner->answer(redirect(302, away)).answer(redirect(302, "http://h/back"));
        inner->answer(reply("200 OK"));
        const std::size_t first = inner->requests();
        request("GET", "http://h/", {.allowDowngrade = true, .sensitiveHeaders = {"x-token"}},
                headers);
        EXPECT_EQ((*inner)[first].headers.size(), 7U);
        for (const std::size_t i : {first + 1, first + 2}) {
            ASSERT_EQ((*inner)[i].headers.size(), 1U) << away;
            EXPECT_EQ((*inner)[i].field("X-Own"), "stays");
        }
    }
}

// WX-9: they stay within an origin.
TEST_F(RedirectAgentTest, credentialsStayWithinTheOrigin) {
    inner->answer(redirect(302, "http://H:80/c")).answer(reply("200 OK"));
    request("GET", "http://me:secret@h/");
    EXPECT_EQ(inner->last().field("Authorization"), "Basic bWU6c2VjcmV0");
}

// A Location cannot log its target in: credentials in it are dropped.
TEST_F(RedirectAgentTest, credentialsInALocationAreDropped) {
    inner->answer(redirect(302, "http://me:secret@other/")).answer(reply("200 OK"));
    request();
    EXPECT_EQ(inner->last().headers.size(), 0U);
    EXPECT_EQ(inner->last().uri, "http://other/");
}

// WX-10 (as it should be): a Host that the caller gave is not sent to another origin.
TEST_F(RedirectAgentTest, hostDoesNotCrossOrigins) {
    inner->answer(redirect(302, "/c")).answer(redirect(302, "http://other/"));
    inner->answer(reply("200 OK"));
    request("GET", "http://h/", {}, http::Headers{{"Host", "own"}});
    EXPECT_EQ((*inner)[1].field("Host"), "own");
    EXPECT_EQ((*inner)[2].field("Host"), "");
}

// From https to http is refused unless allowed.
TEST_F(RedirectAgentTest, downgradeIsRefused) {
    inner->answer(redirect(302, "http://h/c"));
    auto refused = request("GET", "https://h/");
    ASSERT_NE(held<PageRedirect>(refused), nullptr);
    EXPECT_THAT(refused.message(), HasSubstr("from https to http://h/c; set allowDowngrade"));
    inner->answer(redirect(302, "http://h/c")).answer(reply("200 OK"));
    EXPECT_TRUE(request("GET", "https://h/", {.allowDowngrade = true}).ok());
}

// WX-11: the response leads back through the trail, and to nowhere without one.
TEST_F(RedirectAgentTest, responseLeadsBack) {
    inner->answer(redirect(301, "/1")).answer(redirect(302, "/2")).answer(reply("200 OK"));
    auto response = request("GET", "http://h/0");
    const Response* previous = response.value().previousResponse();
    ASSERT_NE(previous, nullptr);
    EXPECT_EQ(previous->code(), 302);
    EXPECT_EQ(previous->previousResponse()->uri().toString(), "http://h/0");
    EXPECT_EQ(previous->previousResponse()->previousResponse(), nullptr);
    inner->answer(reply("404 No"));
    EXPECT_EQ(request().value().previousResponse(), nullptr);
}

// WX-12: the body of a redirect is read away, so that its connection is free for the next request.
TEST_F(RedirectAgentTest, bodiesOfRedirectsAreReadAway) {
    inner->answer("HTTP/1.1 302 Go\r\nLocation: /c\r\nContent-Length: 5\r\n\r\n");
    request();
    EXPECT_FALSE((*inner)[0].connection->paused());
    (*inner)[0].connection->send("moved");
    EXPECT_FALSE((*inner)[0].connection->open()) << "a connection without a pool closes";
    EXPECT_FALSE((*inner)[0].connection->aborted());
}

// Cancelling reaches the request under way, whichever of the trail it is.
TEST_F(RedirectAgentTest, cancelReachesTheRequest) {
    inner->answer(redirect(302, "/c"));
    auto response = request();
    ASSERT_EQ(inner->requests(), 2U);
    response.cancel();
    EXPECT_NE(response.failed<CancelledError>(), nullptr);
    EXPECT_TRUE(inner->last().connection->aborted());
}

}  // namespace
