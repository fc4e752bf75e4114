// Base64, and text that is made fit to be shown or compared.
#include <marline/protocols/detail/text.hpp>

#include <array>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/protocols/detail/base64.hpp>

namespace marline::detail {
namespace {

// RFC 4648 §10's examples, both ways.
TEST(Base64, knowsTheExamples) {
    const std::pair<std::string, std::string> examples[] = {{"", ""},
                                                            {"f", "Zg=="},
                                                            {"fo", "Zm8="},
                                                            {"foo", "Zm9v"},
                                                            {"foob", "Zm9vYg=="},
                                                            {"fooba", "Zm9vYmE="},
                                                            {"foobar", "Zm9vYmFy"},
                                                            {std::string("\0\xff\xfe", 3), "AP/+"}};
    for (const auto& [plain, coded] : examples) {
        EXPECT_EQ(encodeBase64(plain), coded);
        EXPECT_EQ(decodeBase64(coded), plain);
    }
}

// One text for one value: everything else is refused.
TEST(Base64, refusesEverythingElse) {
    for (const char* text : {"Zg", "Zg=", "Zg===", "====", "Z===", "Zh==", "Zm9=", "Zm 9v",
                             "Zm9v\n", "=Zm9", "Zg==Zg==", "Zm-_"}) {
        EXPECT_FALSE(decodeBase64(text)) << text;
    }
}

// What is no printable ASCII becomes a blank, also bytes beyond it; the rest is cut off.
TEST(Text, isPrintable) {
    EXPECT_EQ(printable(std::string("a\0b\r\n\x1b[\x7f\xc3\xa4~ ", 12)), "a b   [   ~ ");
    EXPECT_EQ(printable(std::string(600, 'x')), std::string(500, 'x'));
    EXPECT_EQ(printable("abc", 2), "ab");
}

// Letters of ASCII only, whatever the locale says.
TEST(Text, isInLowerCase) { EXPECT_EQ(lowerCase("AZaz@[09\xc4"), "azaz@[09\xc4"); }

TEST(Text, isHexadecimal) {
    EXPECT_EQ(hexText({}), "");
    EXPECT_EQ(hexText(std::array<unsigned char, 4>{0x00, 0x9a, 0xff, 0x10}), "009aff10");
}

// RFC 3629: no surrogates, nothing longer than it need be, and nothing beyond U+10FFFF.
TEST(Text, isUtf8OrNot) {
    for (const char* good :
         {"", "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_TRUE(isUtf8(good)) << good;
    }
    for (const char* bad : {"\xe4", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                            "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\x80", "\xe2\x82", "a\xff"}) {
        EXPECT_FALSE(isUtf8(bad)) << bad;
    }
}

}  // namespace
}  // namespace marline::detail
