#include <marline/agent/uri.hpp>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using marline::Result;
using marline::Uri;
using marline::UriError;

Uri parsed(const std::string& text) { return Uri::parse(text).value(); }

std::string refusal(const std::string& text) {
    const Result<Uri> result = Uri::parse(text);
    if (result.ok()) {
        return "accepted";
    }
    EXPECT_NE(result.failure().check<UriError>(), nullptr);
    return result.failure().message();
}

// Every part of a full URI comes out, scheme and host in lower case.
TEST(Uri, parseTakesAFullUriApart) {
    const Uri uri = parsed("HTTPS://me:secret@Example.ORG:8443/a/b;p?x=1&y=2#top");
    EXPECT_EQ(uri.scheme(), "https");
    EXPECT_EQ(uri.userInfo(), "me:secret");
    EXPECT_EQ(uri.host(), "example.org");
    EXPECT_EQ(uri.port(), 8443);
    EXPECT_EQ(uri.path(), "/a/b;p");
    EXPECT_EQ(uri.query(), "?x=1&y=2");
    EXPECT_EQ(uri.fragment(), "#top");
}

// A missing port is the scheme's own, and an empty path is asked for as `/` (WA-4, WA-10).
TEST(Uri, defaultsArePortAndRootPath) {
    EXPECT_EQ(parsed("http://a").port(), 80);
    EXPECT_EQ(parsed("https://a").port(), 443);
    EXPECT_EQ(parsed("ftp://a").port(), 0);
    EXPECT_EQ(parsed("http://a:/").port(), 80);
    EXPECT_EQ(parsed("http://a").requestTarget(), "/");
    EXPECT_EQ(parsed("http://a?q").requestTarget(), "/?q");
    EXPECT_EQ(parsed("http://a/b?q#f").requestTarget(), "/b?q");
}

// The Host field has the port only when it is not the scheme's, and IPv6 in brackets (WA-4).
TEST(Uri, authorityIsWhatHostSays) {
    EXPECT_EQ(parsed("http://a:80/").authority(), "a");
    EXPECT_EQ(parsed("http://a:443/").authority(), "a:443");
    EXPECT_EQ(parsed("https://a:443/").authority(), "a");
    EXPECT_EQ(parsed("http://[::1]/").authority(), "[::1]");
    EXPECT_EQ(parsed("http://[::1]:8080/").authority(), "[::1]:8080");
    EXPECT_EQ(parsed("http://[::1]/").host(), "::1");
}

// The whole text leaves out credentials, so that they cannot get into logs.
TEST(Uri, toStringLeavesCredentialsOut) {
    EXPECT_EQ(parsed("http://me:secret@a:81/b?c#d").toString(), "http://a:81/b?c#d");
}

// What is no URI that a request can go to is refused, with the text and the reason.
TEST(Uri, parseRefusesWhatIsNoUri) {
    EXPECT_THAT(refusal(""), testing::HasSubstr("no scheme"));
    EXPECT_THAT(refusal("example.org"), testing::HasSubstr("no scheme"));
    EXPECT_THAT(refusal("//example.org/"), testing::HasSubstr("no scheme"));
    EXPECT_THAT(refusal("http:///x"), testing::HasSubstr("no host"));
    EXPECT_THAT(refusal("http:x"), testing::HasSubstr("no host"));
    EXPECT_THAT(refusal("mailto:me@example.org"), testing::HasSubstr("no host"));
    EXPECT_THAT(refusal("http://a b/"), testing::HasSubstr("RFC 3986"));
    EXPECT_THAT(refusal("http://a/b c"), testing::HasSubstr("'http://a/b c'"));
    EXPECT_THAT(refusal("http://a/\r\nX: y"), testing::HasSubstr("RFC 3986"));
    EXPECT_THAT(refusal("http://a\\b/"), testing::HasSubstr("RFC 3986"));
    EXPECT_THAT(refusal("http://[::1/"), testing::HasSubstr("RFC 3986"));
    EXPECT_THAT(refusal("http://a/%zz"), testing::HasSubstr("RFC 3986"));
    EXPECT_THAT(refusal(std::string("http://a/\0b", 11)),
                testing::AllOf(testing::HasSubstr("RFC 3986"), testing::HasSubstr("a/\\x00b")));
}

// Ports outside 1…65535 are refused.
TEST(Uri, parseRefusesBadPorts) {
    EXPECT_THAT(refusal("http://a:0/"), testing::HasSubstr("port"));
    EXPECT_THAT(refusal("http://a:65536/"), testing::HasSubstr("port"));
    EXPECT_THAT(refusal("http://a:99999999999999999999/"), testing::HasSubstr("port"));
    EXPECT_EQ(parsed("http://a:65535/").port(), 65535);
    EXPECT_EQ(parsed("http://a:00080/").port(), 80);
}

// A long text is cut in the message.
TEST(Uri, refusalOfALongTextIsShort) {
    EXPECT_LT(refusal("http://a/ " + std::string(100000, 'x')).size(), 400U);
}

// The examples of RFC 3986 §5.4 resolve as it says.
TEST(Uri, resolveFollowsTheExamplesOfRfc3986) {
    const Uri base = parsed("http://a/b/c/d;p?q");
    const std::pair<const char*, const char*> cases[] = {
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q#s"},
        {"g#s", "http://a/b/c/g#s"},
        {"g?y#s", "http://a/b/c/g?y#s"},
        {";x", "http://a/b/c/;x"},
        {"g;x", "http://a/b/c/g;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"../../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/./x", "http://a/b/c/g?y/./x"},
        {"https://h/x", "https://h/x"},
    };
    for (const auto& [reference, expected] : cases) {
        const Result<Uri> resolved = base.resolve(reference);
        ASSERT_TRUE(resolved.ok()) << reference;
        EXPECT_EQ(resolved.value().toString(), expected) << reference;
    }
}

// The fragment of the request goes on to where a redirect leads, unless that has its own (WX-7).
TEST(Uri, resolveKeepsTheFragmentUnlessTheReferenceHasOne) {
    const Uri base = parsed("http://a/b#old");
    EXPECT_EQ(base.resolve("/c").value().toString(), "http://a/c#old");
    EXPECT_EQ(base.resolve("/c#new").value().toString(), "http://a/c#new");
}

// A reference that is none, or that leads to no host, is refused.
TEST(Uri, resolveRefusesWhatIsNoReference) {
    const Uri base = parsed("http://a/b");
    EXPECT_FALSE(base.resolve("/a b").ok());
    EXPECT_FALSE(base.resolve("mailto:x").ok());
    EXPECT_FALSE(base.resolve("http://h:0/").ok());
}

// Scheme, host and port make an origin; a written default port makes no difference.
TEST(Uri, sameOriginComparesSchemeHostAndPort) {
    EXPECT_TRUE(parsed("http://a/x").sameOrigin(parsed("http://A:80/y?z")));
    EXPECT_FALSE(parsed("http://a/").sameOrigin(parsed("https://a/")));
    EXPECT_FALSE(parsed("http://a/").sameOrigin(parsed("http://a:81/")));
    EXPECT_FALSE(parsed("http://a/").sameOrigin(parsed("http://www.a/")));
}

}  // namespace
