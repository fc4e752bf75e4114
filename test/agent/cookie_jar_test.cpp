#include <marline/agent/cookie_jar.hpp>

#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/cookie_agent.hpp>
#include <marline/agent/detail/set_cookie.hpp>
#include <marline/agent/redirect_agent.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_agent.hpp>
#include <test/support/temp_folder.hpp>

namespace {

using namespace marline;
using namespace marline::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class CookieJarTest : public ::testing::Test {
protected:
    bool set(const std::string& uri, std::string_view field) {
        return jar->setCookie(Uri::parse(uri).value(), field, now);
    }
    std::string get(const std::string& uri) const {
        return jar->cookiesFor(Uri::parse(uri).value(), now);
    }

    http::HttpTime now{std::chrono::sys_days{2026y / 1 / 1}};
    Ref<CookieJar> jar = makeRef<CookieJar>();
};

// RFC 6265bis §5.6: name and value are trimmed, the first `=` splits them, either may be empty.
TEST_F(CookieJarTest, readsPairs) {
    for (const auto& [field, sent] :
         std::vector<std::pair<std::string, std::string>>{{"a=b", "a=b"},
                                                          {" a \t= b c ; x", "a=b c"},
                                                          {"a=b=c", "a=b=c"},
                                                          {"a=\"b; c\"", "a=\"b"},
                                                          {"a=", "a="},
                                                          {"alone", "alone"},
                                                          {"=alone", "alone"},
                                                          {"a=b;;; ;Path=/;=", "a=b"},
                                                          {"\xc3\xa4=\xff", "\xc3\xa4=\xff"}}) {
        jar->clear();
        EXPECT_TRUE(set("http://h/", field)) << field;
        EXPECT_EQ(get("http://h/"), sent) << field;
    }
}

// What is nothing, has control characters, or is larger than 4096 bytes is ignored.
TEST_F(CookieJarTest, ignoresWhatIsNoCookie) {
    for (const std::string& field :
         {std::string(), std::string(" ; Path=/"), std::string("="), std::string("a=b\x01"),
          std::string("a=b; Path=/\x7f"), "a=" + std::string(4096, 'x')}) {
        EXPECT_FALSE(set("http://h/", field)) << field;
    }
    EXPECT_TRUE(set("http://h/", "a=" + std::string(4095, 'x')));
}

// A cookie without Domain is for its host alone; one with Domain is for the names below too.
TEST_F(CookieJarTest, domains) {
    set("http://www.example.org/", "host=1");
    set("http://www.example.org/", "all=1; Domain=.Example.ORG");
    EXPECT_EQ(get("http://www.example.org/"), "host=1; all=1");
    EXPECT_EQ(get("http://example.org/"), "all=1");
    EXPECT_EQ(get("http://a.b.example.org/"), "all=1");
    EXPECT_EQ(get("http://badexample.org/"), "");
    EXPECT_EQ(get("http://sub.www.example.org/"), "all=1");
}

// Another's domain, a name below the host's, and an address' part are refused.
TEST_F(CookieJarTest, foreignDomainsAreRefused) {
    EXPECT_FALSE(set("http://www.example.org/", "a=1; Domain=other.org"));
    EXPECT_FALSE(set("http://example.org/", "a=1; Domain=www.example.org"));
    EXPECT_FALSE(set("http://badexample.org/", "a=1; Domain=example.org"));
    EXPECT_FALSE(set("http://1.2.3.4/", "a=1; Domain=3.4"));
    EXPECT_TRUE(set("http://1.2.3.4/", "a=1; Domain=1.2.3.4"));
    EXPECT_TRUE(set("http://[::1]/", "a=1"));
    EXPECT_TRUE(set("http://www.example.org/", "a=1; Domain=other.org; Domain="))
        << "the last one counts, and an empty one is none";
}

// Public suffixes have no cookies, unless a host is one itself: then for it alone.
TEST_F(CookieJarTest, publicSuffixes) {
    EXPECT_FALSE(set("http://shop.co.uk/", "a=1; Domain=co.uk"));
    EXPECT_FALSE(set("http://shop.example/", "a=1; Domain=example"));
    EXPECT_TRUE(set("http://co.uk/", "a=1; Domain=co.uk"));
    EXPECT_EQ(get("http://co.uk/"), "a=1");
    EXPECT_EQ(get("http://shop.co.uk/"), "");
    EXPECT_TRUE(set("http://a.shop.co.uk/", "a=2; Domain=shop.co.uk"));
    EXPECT_EQ(get("http://shop.co.uk/"), "a=2");
}

// An absolute name, with its dot at the end, is as public, and an address as little divided; it is
// not the host without that dot (CVE-2022-27779 of curl).
TEST_F(CookieJarTest, absoluteNames) {
    EXPECT_FALSE(set("http://shop.co.uk./", "a=1; Domain=co.uk."));
    EXPECT_FALSE(set("http://shop.co.uk./", "a=1; Domain=co.uk"));
    EXPECT_FALSE(set("http://shop.example./", "a=1; Domain=example."));
    EXPECT_FALSE(set("http://1.2.3.4./", "a=1; Domain=3.4."));
    EXPECT_FALSE(set("http://shop.co.uk/", "a=1; Domain=shop.co.uk."));
    EXPECT_TRUE(set("http://www.shop.co.uk./", "a=1; Domain=shop.co.uk."));
    EXPECT_EQ(get("http://shop.co.uk./"), "a=1");
    EXPECT_EQ(get("http://shop.co.uk/"), "");
    EXPECT_TRUE(set("http://h.example/", "b=1; Domain=.")) << "no domain at all";
    EXPECT_EQ(get("http://h.example/"), "b=1");
}

// An address in short is one: nothing is above it.
TEST_F(CookieJarTest, shortAddresses) {
    EXPECT_FALSE(set("http://127.0.1/", "a=1; Domain=0.1"));
    EXPECT_TRUE(set("http://127.0.1/", "a=1; Domain=127.0.1"));
    EXPECT_TRUE(set("http://[::1]/", "a=1; Domain=::1"));
    EXPECT_FALSE(set("http://[::1]/", "a=1; Domain=[::1]")) << "no host is called that";
}

// Paths match whole segments; without one it is that of the request up to its last slash.
TEST_F(CookieJarTest, paths) {
    set("http://h/a/b", "own=1");
    set("http://h/a/b", "root=1; Path=/");
    set("http://h/a/b", "given=1; Path=/a/");
    set("http://h/a/b", "bad=1; Path=x");
    EXPECT_EQ(get("http://h/a/c"), "given=1; own=1; bad=1; root=1") << "longer paths first";
    EXPECT_EQ(get("http://h/a"), "own=1; bad=1; root=1");
    EXPECT_EQ(get("http://h/ab"), "root=1");
    EXPECT_EQ(get("http://h"), "root=1");
    EXPECT_EQ(detail::defaultCookiePath(""), "/");
    EXPECT_EQ(detail::defaultCookiePath("/a"), "/");
    EXPECT_EQ(detail::defaultCookiePath("/a/"), "/a");
}

// A cookie with the name, domain and path of another replaces it, and keeps its place.
TEST_F(CookieJarTest, replaces) {
    set("http://h/", "a=1");
    set("http://h/", "b=1");
    set("http://h/", "a=2");
    EXPECT_EQ(get("http://h/"), "a=2; b=1");
    EXPECT_EQ(jar->size(), 2U);
}

// Max-Age counts more than Expires, whichever comes last; nothing lives longer than 400 days.
TEST_F(CookieJarTest, expiry) {
    set("http://h/", "a=1; Max-Age=10; Expires=Wed, 09 Jun 2010 10:18:14 GMT");
    set("http://h/", "b=1; Expires=Thu, 01 Jan 2026 00:00:20 GMT");
    set("http://h/", "c=1; Max-Age=99999999999999999999");
    set("http://h/", "d=1; Max-Age=x; Expires=never");
    EXPECT_EQ(get("http://h/"), "a=1; b=1; c=1; d=1");
    now += 10s;
    EXPECT_EQ(get("http://h/"), "b=1; c=1; d=1");
    now += 10s;
    EXPECT_EQ(get("http://h/"), "c=1; d=1");
    now += std::chrono::days(400);
    EXPECT_EQ(get("http://h/"), "d=1");
    jar->clearSession();
    EXPECT_EQ(get("http://h/"), "");
}

// A Max-Age that is no number is none; one that no type holds is as good as for ever, or as ended.
TEST_F(CookieJarTest, oddAges) {
    for (const char* age : {"", "-", "+5", "5 5", "0x0", "1e3", "5;Max-Age=x", "--5", "\xd9\xa5"}) {
        jar->clear();
        EXPECT_TRUE(set("http://h/", std::string("a=1; Max-Age=") + age)) << age;
        EXPECT_EQ(jar->cookies().at(0).expires.has_value(), age == std::string("5;Max-Age=x"));
    }
    set("http://h/", "a=1; Max-Age=-99999999999999999999");
    EXPECT_EQ(jar->size(), 0U);
    set("http://h/", "a=1; Max-Age=9223372036854775807; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(jar->cookies().at(0).expires, now + std::chrono::days(400));
}

// A cookie that has ended drops the one it would replace.
TEST_F(CookieJarTest, endsCookies) {
    for (const char* end :
         {"a=x; Max-Age=0", "a=x; Max-Age=-5", "a=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}) {
        set("http://h/", "a=1");
        EXPECT_TRUE(set("http://h/", end));
        EXPECT_EQ(jar->size(), 0U) << end;
    }
}

// RFC 6265bis §5.1.1: dates as servers write them.
TEST_F(CookieJarTest, dates) {
    const http::HttpTime time = std::chrono::sys_days{1994y / 11 / 6} + 8h + 49min + 37s;
    for (const char* text :
         {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
          "Sun Nov  6 08:49:37 1994", "6 NOVEMBER 94 8:49:37", "1994 6 nov 8:49:37x",
          "06/Nov/1994 08:49:37 +0000", "08:49:37 06 1994 Nov", "6th Novembre 1994bc 08:49:37:11",
          "Nov 06 08:49:37 1994 2000 Dec 31 23:59:59"}) {
        EXPECT_EQ(detail::parseCookieDate(text), time) << text;
    }
    EXPECT_EQ(detail::parseCookieDate("1 Jan 69 0:0:0"),
              http::HttpTime(std::chrono::sys_days{2069y / 1 / 1}));
    for (const char* text :
         {"", "Sun, 06 Nov 1994", "06 Nov 08:49:37", "31 Feb 1994 08:49:37", "06 Nov 1600 08:49:37",
          "06 Nov 1994 24:00:00", "06 Nov 1994 08:60:00", "06 Nov 1994 08:49:60",
          "6 Xyz 94 8:49:37", "00 Nov 1994 08:49:37", "06 Nov 1994 08:49", "06 Nov 19945 08:49:37",
          "006 Nov 1994 08:49:37", "06 Nov 1994 008:49:37", "06 Nov 1994 08:49:370",
          "06 No 1994 08:49:37"}) {
        EXPECT_FALSE(detail::parseCookieDate(text).has_value()) << text;
    }
}

// Secure is set over https alone, and sent over https alone.
TEST_F(CookieJarTest, secure) {
    EXPECT_FALSE(set("http://h/", "a=1; Secure"));
    EXPECT_TRUE(set("https://h/", "a=1; Secure; HttpOnly"));
    EXPECT_EQ(get("http://h/"), "");
    EXPECT_EQ(get("https://h/"), "a=1");
    EXPECT_TRUE(jar->cookies().at(0).httpOnly);
}

// An open channel cannot put its own in the way of a cookie that https has set.
TEST_F(CookieJarTest, secureCookiesAreLeftAlone) {
    set("https://www.example.org/", "a=1; Secure; Path=/login");
    EXPECT_FALSE(set("http://www.example.org/login", "a=2; Path=/login"));
    EXPECT_FALSE(set("http://www.example.org/", "a=2; Path=/login/x; Domain=example.org"));
    EXPECT_TRUE(set("http://www.example.org/", "a=2; Path=/")) << "it is sent behind the other";
    EXPECT_TRUE(set("http://www.example.org/", "b=2; Path=/login"));
    EXPECT_TRUE(set("https://www.example.org/", "a=3; Path=/login"));
}

// One that has ended is in nobody's way, though it is there yet.
TEST_F(CookieJarTest, endedSecureCookiesGiveWay) {
    set("https://h/", "a=1; Secure; Max-Age=10");
    now += 9s;
    EXPECT_FALSE(set("http://h/", "a=2"));
    now += 1s;
    EXPECT_TRUE(set("http://h/", "a=2"));
    EXPECT_EQ(get("http://h/"), "a=2");
}

// Names promise what a cookie must then be, in either case.
TEST_F(CookieJarTest, prefixes) {
    EXPECT_FALSE(set("https://h.example/", "__Secure-a=1"));
    EXPECT_TRUE(set("https://h.example/", "__Secure-a=1; Secure"));
    EXPECT_TRUE(set("https://h.example/", "__Host-a=1; Secure; Path=/"));
    EXPECT_FALSE(set("https://h.example/", "__host-a=1; Secure"));
    EXPECT_FALSE(set("https://h.example/", "__Host-a=1; Secure; Path=/x"));
    EXPECT_FALSE(set("https://h.example/", "__Host-a=1; Path=/"));
    EXPECT_FALSE(set("https://h.example/", "__Host-a=1; Secure; Path=/; Domain=h.example"));
    EXPECT_FALSE(set("https://h.example/", "=__Host-a=1; Secure; Path=/"));
    EXPECT_FALSE(set("https://h.example/", "__SECURE-a"));
}

// SameSite is kept; None without Secure is refused.
TEST_F(CookieJarTest, sameSite) {
    EXPECT_FALSE(set("https://h/", "a=1; SameSite=None"));
    EXPECT_TRUE(set("https://h/", "a=1; samesite=none; Secure"));
    EXPECT_TRUE(set("https://h/", "b=1; SameSite=Strict"));
    EXPECT_TRUE(set("https://h/", "c=1; SameSite=other"));
    EXPECT_EQ(jar->cookies().at(0).sameSite, http::SameSite::None);
    EXPECT_EQ(jar->cookies().at(1).sameSite, http::SameSite::Strict);
    EXPECT_EQ(jar->cookies().at(2).sameSite, http::SameSite::Default);
}

// An attribute of more than 1024 bytes is passed over.
TEST_F(CookieJarTest, longAttributesAreIgnored) {
    set("http://h/a/b", "a=1; Path=/" + std::string(1024, 'x'));
    EXPECT_EQ(get("http://h/a/b"), "a=1");
}

// Limits drop the oldest: of the domain, and of all.
TEST_F(CookieJarTest, limits) {
    jar = makeRef<CookieJar>(CookieJarOptions{.maxPerDomain = 2, .maxCookies = 3});
    for (const char* field : {"a=1", "b=1", "c=1"}) {
        set("http://h/", field);
    }
    EXPECT_EQ(get("http://h/"), "b=1; c=1");
    set("http://i/", "d=1");
    set("http://i/", "e=1");
    EXPECT_EQ(get("http://h/"), "c=1");
    EXPECT_EQ(jar->size(), 3U);
}

// The file that curl writes is read and written.
TEST_F(CookieJarTest, netscapeRoundTrip) {
    const std::string text =
        "# Netscape HTTP Cookie File\n"
        ".example.org\tTRUE\t/\tTRUE\t4102444800\tname\tva lue\n"
        "#HttpOnly_h\tFALSE\t/a\tFALSE\t0\tb\t\n";
    EXPECT_EQ(jar->addNetscape("\n# comment\r\n" + text).value(), 2U);
    EXPECT_EQ(get("https://www.example.org/"), "name=va lue");
    EXPECT_EQ(get("http://h/a"), "b=");
    EXPECT_TRUE(jar->cookies().at(1).httpOnly);
    EXPECT_EQ(jar->toNetscape(), text);
}

// A cookie that no line can hold is left out, so that the others can be read again; JSON has it.
TEST_F(CookieJarTest, netscapeLeavesOutWhatNoLineHolds) {
    now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    EXPECT_TRUE(set("http://h/x", "a=b; Path=/x\ty"));
    EXPECT_TRUE(set("http://h/", "c\td=e"));
    EXPECT_TRUE(set("http://h/", "good=a\tb"));
    jar->add({"n", "v\n#HttpOnly_h\tFALSE\t/\tFALSE\t0\tevil\t1", "h"}, now);
    jar->add({"n", "v", "h\nx"}, now);
    const auto other = makeRef<CookieJar>();
    EXPECT_EQ(other->addNetscape(jar->toNetscape()).value(), 1U);
    EXPECT_EQ(other->cookiesFor(Uri::parse("http://h/").value(), now), "good=a\tb");
}

// A cookie that lives longer than there are dates is kept to the last one, by both kinds of file.
TEST_F(CookieJarTest, netscapeKnowsALastDate) {
    EXPECT_EQ(jar->addNetscape("h\tFALSE\t/\tFALSE\t9223372036854775807\ta\tb\n").value(), 1U);
    const auto other = makeRef<CookieJar>();
    EXPECT_EQ(other->addJson(jar->toJson()).value(), 1U);
    EXPECT_EQ(other->toNetscape(), jar->toNetscape());
    EXPECT_NE(jar->toNetscape().find("\t253402300799\t"), std::string::npos);
    EXPECT_TRUE(jar->addNetscape("h\tFALSE\t/\tFALSE\t-5\ta\tb\n").ok());
    EXPECT_EQ(jar->size(), 0U);
}

// A file that is none is refused whole, by the line.
TEST_F(CookieJarTest, netscapeRefusals) {
    const std::string good = "h\tFALSE\t/\tFALSE\t0\ta\tb\n";
    for (const char* bad :
         {"h\tFALSE\t/\tFALSE\t0\ta", "h\tMAYBE\t/\tFALSE\t0\ta\tb", "\tFALSE\t/\tFALSE\t0\ta\tb",
          "h\tFALSE\tx\tFALSE\t0\ta\tb", "h\tFALSE\t/\t\t0\ta\tb", "h\tFALSE\t/\tFALSE\tx\ta\tb",
          "h\tFALSE\t/\tFALSE\t0\ta\tb\x01", "h\tFALSE\t/\tFALSE\t0\ta;b\tb", "<html>",
          "h\tFALSE\t/\tFALSE\t0\ta=b\tc", "h\tFALSE\t/;\tFALSE\t0\ta\tb",
          ".\tTRUE\t/\tFALSE\t0\ta\tb", "..h\tFALSE\t/\tFALSE\t0\ta\tb",
          "#HttpOnly_#h\tFALSE\t/\tFALSE\t0\ta\tb"}) {
        const auto result = jar->addNetscape(good + bad);
        ASSERT_FALSE(result.ok()) << bad;
        EXPECT_THAT(result.failure().message(), HasSubstr("line 2"));
    }
    EXPECT_EQ(jar->size(), 0U);
}

// A jar is saved for its owner alone, and loaded again; what cannot be is said by name.
TEST_F(CookieJarTest, files) {
    const test::TempFolder folder;
    set("http://h/", "a=1; Max-Age=100000000");
    jar->save(folder / "jar");
    struct stat status{};
    ASSERT_EQ(::stat((folder / "jar").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(folder.names().size(), 1U);
    const auto other = makeRef<CookieJar>();
    EXPECT_EQ(other->load(folder / "jar").value(), 1U);
    EXPECT_EQ(other->toNetscape(), jar->toNetscape());
    EXPECT_NE(other->load(folder / "none").failure().check<std::system_error>(), nullptr);
    EXPECT_THROW(jar->save("/no/such/folder/jar"), std::system_error);
    EXPECT_THROW(jar->save(folder.path()), std::system_error) << "a folder is in its place";
    EXPECT_EQ(folder.names().size(), 1U) << "nothing is left behind";
}

// JSON keeps all that a cookie has, bytes that are no UTF-8 included.
TEST_F(CookieJarTest, jsonRoundTrip) {
    now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    set("https://www.example.org/", "a=b; Domain=example.org; Max-Age=1000; Secure; HttpOnly");
    set("https://h/x/y", "\xc3\xa4=\xff\"\\; SameSite=None; Secure");
    set("http://h/", "s=1; SameSite=Strict");
    set("http://h/", "l=; SameSite=Lax");
    const auto other = makeRef<CookieJar>();
    EXPECT_EQ(other->addJson(jar->toJson()).value(), 4U);
    EXPECT_EQ(other->toJson(), jar->toJson());
    EXPECT_EQ(other->toNetscape(), jar->toNetscape());
    EXPECT_EQ(other->cookiesFor(Uri::parse("https://h/x/").value(), now),
              "\xc3\xa4=\xff\"\\; s=1; l=");
    EXPECT_EQ(other->cookies().at(2).sameSite, http::SameSite::Strict);
    EXPECT_THAT(jar->toJson(), HasSubstr("\"sameSite\": \"none\""));
}

std::string jsonCookie(const std::string& field, const std::string& value) {
    std::string text = R"({"cookies": [{"name": "n", "value": "v", "domain": "h", "path": "/",
        "expires": null, "hostOnly": true, "secure": false, "httpOnly": false,
        "sameSite": "default"}, {"name": "n", "value": "v", "domain": "h", "path": "/",
        "expires": null, "hostOnly": true, "secure": false, "httpOnly": false,
        "sameSite": "default"}]})";
    const std::size_t at = text.rfind("\"" + field + "\": ");
    const std::size_t begin = at + field.size() + 4;
    return text.replace(begin, text.find_first_of(",}", begin) - begin, value);
}

// What is no JSON is refused in one line, whatever stands in it.
TEST_F(CookieJarTest, jsonIsRefusedInOneLine) {
    const auto result = jar->addJson("\x7f\n{");
    ASSERT_FALSE(result.ok());
    EXPECT_THAT(result.failure().message(), HasSubstr("no JSON"));
    EXPECT_EQ(result.failure().message().find_first_of("\x7f\n"), std::string::npos);
}

// A JSON jar with a cookie that cannot be kept is refused whole: cookie and field are named.
TEST_F(CookieJarTest, jsonRefusals) {
    for (const auto& [field, value] : std::vector<std::pair<std::string, std::string>>{
             {"name", "1"},
             {"name", "\"a;b\""},
             {"name", "\"a=b\""},
             {"value", "null"},
             {"value", "\"\\u0000\""},
             {"value", "\"\\u0100\""},
             {"value", "\"" + std::string(4096, 'x') + "\""},
             {"domain", "\"\""},
             {"domain", "\"h\\nx\""},
             {"domain", "\"h\\tx\""},
             {"domain", "\".h\""},
             {"domain", "\"#h\""},
             {"path", "\"x\""},
             {"path", "\"/x\\ny\""},
             {"expires", "1.5"},
             {"expires", "\"tomorrow\""},
             {"hostOnly", "1"},
             {"secure", "null"},
             {"httpOnly", "\"true\""},
             {"sameSite", "\"other\""},
             {"sameSite", "7"}}) {
        const auto result = jar->addJson(jsonCookie(field, value));
        ASSERT_FALSE(result.ok()) << field << value;
        EXPECT_THAT(result.failure().message(), HasSubstr("cookie 2 of the JSON"));
        EXPECT_THAT(result.failure().message(), HasSubstr("'" + field + "' is not")) << value;
    }
    EXPECT_THAT(jar->addJson("{\n\n\"cookies\": [,]}").failure().message(), HasSubstr("line 3"));
    EXPECT_THAT(jar->addJson("[1]").failure().message(), HasSubstr("no array 'cookies'"));
    EXPECT_THAT(jar->addJson(R"({"cookies": [7]})").failure().message(), HasSubstr("no object"));
    EXPECT_THAT(jar->addJson(R"({"cookies": [{}]})").failure().message(), HasSubstr("'name'"));
    EXPECT_EQ(jar->size(), 0U);
    EXPECT_EQ(jar->addJson(jsonCookie("expires", "99999999999999999999")).ok(), false);
    EXPECT_EQ(jar->addJson(jsonCookie("expires", "18446744073709551615")).value(), 2U);
}

// A jar of JSON keeps within its limits, and is saved for its owner alone.
TEST_F(CookieJarTest, jsonFiles) {
    const test::TempFolder folder;
    for (int i = 0; i < 3; ++i) {
        set("http://h/", std::to_string(i) + "=1");
    }
    jar->saveJson(folder / "jar");
    struct stat status{};
    ASSERT_EQ(::stat((folder / "jar").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    const auto small = makeRef<CookieJar>(CookieJarOptions{.maxPerDomain = 2});
    EXPECT_EQ(small->loadJson(folder / "jar").value(), 3U);
    EXPECT_EQ(small->cookiesFor(Uri::parse("http://h/").value(), now), "1=1; 2=1");
    EXPECT_NE(small->loadJson(folder / "none").failure().check<std::system_error>(), nullptr);
    EXPECT_THROW(jar->saveJson("/no/such/folder/jar"), std::system_error);
}

class CookieAgentTest : public ::testing::Test {
protected:
    ~CookieAgentTest() override { inner->closeAll(); }

    Outcome<Response> request(const char* uri, const http::Headers& headers = {}) {
        return Outcome<Response>(agent.request("GET", uri, headers));
    }

    NoUnhandled unhandled;
    Ref<ScriptedAgent> inner = makeRef<ScriptedAgent>();
    Ref<CookieJar> jar = makeRef<CookieJar>();
    RedirectAgent agent{CookieAgent{ScriptedAgentHandle(inner), jar}};
};

// WX-16: cookies of responses are kept and sent; an empty jar sends nothing.
TEST_F(CookieAgentTest, sendsAndKeepsCookies) {
    inner->answer(reply("404 No", "Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/x\r\n"));
    request("http://h/x/y");
    EXPECT_EQ(inner->last().field("Cookie"), "");
    request("http://h/x/z");
    EXPECT_EQ(inner->last().field("Cookie"), "a=1; b=2");
    request("http://other/");
    EXPECT_EQ(inner->last().field("Cookie"), "");
}

// WX-16: a Cookie of the caller's stays, alone.
TEST_F(CookieAgentTest, leavesTheCallersCookie) {
    jar->setCookie(Uri::parse("http://h/").value(), "a=1");
    request("http://h/", http::Headers{{"cookie", "own=1"}});
    EXPECT_EQ(inner->last().field("Cookie"), "own=1");
}

// WX-16: a Secure cookie does not go over http.
TEST_F(CookieAgentTest, keepsSecureCookies) {
    jar->setCookie(Uri::parse("https://h/").value(), "a=1; Secure");
    request("http://h/");
    EXPECT_EQ(inner->last().field("Cookie"), "");
    request("https://h/");
    EXPECT_EQ(inner->last().field("Cookie"), "a=1");
}

// WX-17: with redirects outside, cookies of redirects count, each where it belongs.
TEST_F(CookieAgentTest, cookiesOfRedirectsCount) {
    inner->answer(reply("302 Go", "Location: http://other/\r\nSet-Cookie: a=1\r\n"));
    inner->answer(reply("302 Go", "Location: http://h/\r\nSet-Cookie: b=1\r\n"));
    inner->answer(reply("200 OK"));
    request("http://h/");
    EXPECT_EQ((*inner)[1].field("Cookie"), "");
    EXPECT_EQ((*inner)[2].field("Cookie"), "a=1");
}

}  // namespace
