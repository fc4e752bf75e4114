#include <marline/agent/uri.hpp>

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using marline::Result;
using marline::Uri;
using marline::UriError;
using ::testing::HasSubstr;

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

// A host is looked up, sent and compared as it is written: what only means a name is none, and no
// `[v1.x]` can pass for the name `v1.x`.
TEST(Uri, parseRefusesHostsThatOnlyStandForOthers) {
    EXPECT_THAT(refusal("http://a%41/"), HasSubstr("percent-encoded"));
    EXPECT_THAT(refusal("http://a%2eb.test/x"), HasSubstr("percent-encoded"));
    EXPECT_THAT(refusal("http://[v1.x]/"), HasSubstr("not known"));
    EXPECT_FALSE(parsed("http://a/").resolve("//b%41/").ok());
    EXPECT_FALSE(Uri::fromInput("b%c3%a4").ok());
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
    EXPECT_FALSE(base.resolve("mailto:x").ok());
    EXPECT_FALSE(base.resolve("https:/.//x").ok()) << "whose credentials would go there?";
    EXPECT_FALSE(base.resolve("http://h:0/").ok());
}

// Scheme, host and port make an origin; a written default port makes no difference.
TEST(Uri, sameOriginComparesSchemeHostAndPort) {
    EXPECT_TRUE(parsed("http://a/x").sameOrigin(parsed("http://A:80/y?z")));
    EXPECT_FALSE(parsed("http://a/").sameOrigin(parsed("https://a/")));
    EXPECT_FALSE(parsed("http://a/").sameOrigin(parsed("http://a:81/")));
    EXPECT_FALSE(parsed("http://a/").sameOrigin(parsed("http://www.a/")));
}

// Zones of IPv6 addresses are part of where to connect, and no part of what the server is told.
TEST(Uri, zonesAreForConnectingOnly) {
    const Uri uri = parsed("http://[FE80::1%25eth0]:8080/a%25b");
    EXPECT_EQ(uri.host(), "fe80::1%eth0");
    EXPECT_EQ(uri.authority(), "[fe80::1]:8080");
    EXPECT_EQ(uri.toString(), "http://[fe80::1%25eth0]:8080/a%25b");
    EXPECT_EQ(uri.resolve("/c").value().toString(), "http://[fe80::1%25eth0]:8080/c");
    EXPECT_EQ(uri.resolve("//[fe80::2]/c").value().host(), "fe80::2");
    EXPECT_EQ(parsed("http://[::1]/a%25b").host(), "::1");
    EXPECT_THAT(refusal("http://[fe80::1%25]/"), HasSubstr("zone"));
    EXPECT_THAT(refusal("http://[fe80::1%25a/b]/"), HasSubstr("zone"));
}

// However an IPv6 address is written, it is one host (RFC 5952).
TEST(Uri, ipv6AddressesHaveOneText) {
    EXPECT_EQ(parsed("http://[0:0::0:1]/").host(), "::1");
    EXPECT_TRUE(parsed("http://[::1]/").sameOrigin(parsed("http://[::1]/").resolve("/a").value()));
}

// Credentials are decoded into Basic; without a password it is empty.
TEST(Uri, credentialsBecomeBasic) {
    EXPECT_EQ(parsed("http://a/").basicCredentials(), "");
    EXPECT_EQ(parsed("http://me:s%40crit@a/").basicCredentials(), "Basic bWU6c0Bjcml0");
    EXPECT_EQ(parsed("http://me@a/").basicCredentials(), "Basic bWU6");
    EXPECT_EQ(parsed("http://me:x@a/").withoutUserInfo().userInfo(), "");
}

// A bad URI is quoted without its credentials: messages go into logs.
TEST(Uri, refusalsHideCredentials) {
    EXPECT_THAT(refusal("http://me:secret@a b/"), ::testing::Not(HasSubstr("secret")));
    EXPECT_THAT(refusal("http://me:secret@a b/"), HasSubstr("http://***@a b/"));
    EXPECT_THAT(refusal("http://me:a?secret@host/"), HasSubstr("http://***@host/"));
}

// What people type is completed and encoded.
TEST(Uri, inputIsEncoded) {
    for (const auto& [typed, meant] : std::vector<std::pair<std::string, std::string>>{
             {"  example.org\n", "http://example.org"},
             {"localhost:8080/x", "http://localhost:8080/x"},
             {"//example.org/a", "http://example.org/a"},
             {"https://a/b c?d e#f g", "https://a/b%20c?d%20e#f%20g"},
             {"a/\xc3\xa4?\xc3\xa4#[]#", "http://a/%C3%A4?%C3%A4#%5B%5D%23"},
             {"a/100%/%41%zz", "http://a/100%25/%41%25zz"},
             {"a/{x}|\\^`<\">[1]", "http://a/%7Bx%7D%7C%5C%5E%60%3C%22%3E%5B1%5D"},
             {"a?u=http://b/", "http://a?u=http://b/"},
             {"http://b\xc3\xbc"
              "cher.example/",
              "http://xn--bcher-kva.example/"},
             {"http://B\xc3\x9c"
              "CHER.example:81/",
              "http://xn--bcher-kva.example:81/"},
             {"[::1]:80/", "http://[::1]/"},
             {"http://fa\xc3\x9f.de/", "http://xn--fa-hia.de/"}}) {
        const Result<Uri> uri = Uri::fromInput(typed);
        ASSERT_TRUE(uri.ok()) << typed << ": " << uri.failure().message();
        EXPECT_EQ(uri.value().toString(), meant);
    }
    EXPECT_EQ(Uri::fromInput("m e:p@ss:w\xc3\xa4@a/").value().userInfo(), "m%20e:p%40ss:w%C3%A4");
}

// What cannot be meant is refused: an empty host, a name that DNS cannot have.
TEST(Uri, inputCanBeRefused) {
    EXPECT_FALSE(Uri::fromInput("").ok());
    EXPECT_FALSE(Uri::fromInput("http://").ok());
    EXPECT_FALSE(Uri::fromInput("a b/c").ok());
    EXPECT_THAT(Uri::fromInput("http://\xff\xfe/").failure().message(),
                HasSubstr("cannot be encoded for DNS"));
}

// No sign of another script becomes what ends a host, and nothing is cut off unseen; messages show
// control characters.
TEST(Uri, fromInputRefusesHostsThatBecomeOthers) {
    for (const char* text :
         {"a\xe2\x84\x80.b.test", "a\xef\xbc\x8f.b.test", "a\xef\xbc\xa0.b.test"}) {
        const Result<Uri> uri = Uri::fromInput(text);
        ASSERT_FALSE(uri.ok()) << uri.value().toString();
        EXPECT_THAT(uri.failure().message(), HasSubstr("host name"));
    }
    const Result<Uri> cut = Uri::fromInput(std::string("\xc3\xa4.test\0.b.test", 15));
    ASSERT_FALSE(cut.ok()) << cut.value().toString();
    EXPECT_THAT(cut.failure().message(), HasSubstr("\\x00"));
}

// A reference as servers write it is encoded where they forgot to (WX-7).
TEST(Uri, resolveEncodesWhatMustBe) {
    EXPECT_EQ(parsed("http://a/").resolve("/b c\xc3\xa4").value().toString(),
              "http://a/b%20c%C3%A4");
    EXPECT_EQ(parsed("http://me:x@a/").resolve("/b").value().userInfo(), "me:x");
    EXPECT_EQ(parsed("http://me:x@a/").resolve("http://a/b").value().userInfo(), "");
}

// Copies share the text, what was moved from is whole, and a copy that is changed is one's own.
TEST(Uri, copiesShareTheirText) {
    static_assert(sizeof(Uri) == 16);
    Uri uri = parsed("http://me@a/b?c");
    Uri copy = uri;
    EXPECT_EQ(&copy.host(), &uri.host());
    const Uri moved = std::move(copy);
    EXPECT_EQ(copy, moved);
    EXPECT_EQ(uri.withQuery("d").withoutUserInfo().query(), "?d");
    EXPECT_EQ(uri.query(), "?c");
    EXPECT_EQ(uri.userInfo(), "me");
    EXPECT_EQ(uri, parsed("http://me@a/b?c")) << "though it is not the same text";
    uri = parsed("http://other/");
    EXPECT_EQ(moved.host(), "a");
}

// A query is replaced or taken away.
TEST(Uri, queryIsReplaced) {
    EXPECT_EQ(parsed("http://a/b?c#d").withQuery("e=f").toString(), "http://a/b?e=f#d");
    EXPECT_EQ(parsed("http://a/b?c#d").withQuery("").toString(), "http://a/b#d");
}

}  // namespace
