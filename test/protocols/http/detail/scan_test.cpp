#include <marline/protocols/http/detail/scan.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace marline::http::detail {
namespace {

using Skip = const char* (*)(const char*, const char*);

struct Spellings {
    const char* what;
    Skip scalar;
    std::vector<Skip> others;
};

std::vector<Spellings> allSpellings() {
    return {
        {"token",
         scalar::skipToken,
         {swar::skipToken,
#if defined(__SSE2__)
          sse2::skipToken
#endif
         }},
        {"target",
         scalar::skipTarget,
         {swar::skipTarget,
#if defined(__SSE2__)
          sse2::skipTarget
#endif
         }},
        {"value",
         scalar::skipValue,
         {swar::skipValue,
#if defined(__SSE2__)
          sse2::skipValue
#endif
         }},
    };
}

/// How far `skip` goes in `text`, which lies in memory of its exact size.
std::size_t lengthOf(Skip skip, std::string_view text) {
    const auto copy = std::make_unique<char[]>(text.size());
    text.copy(copy.get(), text.size());
    return static_cast<std::size_t>(skip(copy.get(), copy.get() + text.size()) - copy.get());
}

void expectAgreement(std::string_view text) {
    for (const Spellings& spellings : allSpellings()) {
        const std::size_t expected = lengthOf(spellings.scalar, text);
        for (const Skip other : spellings.others)
            ASSERT_EQ(lengthOf(other, text), expected)
                << spellings.what << " in " << ::testing::PrintToString(std::string(text));
    }
}

// Every byte value at every place of every length around the word sizes.
TEST(Scan, spellingsAgreeOnEveryByteAtEveryPlace) {
    for (std::size_t length = 0; length <= 40; ++length) {
        for (std::size_t place = 0; place < length; ++place) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string text(length, 'a');
                text[place] = static_cast<char>(byte);
                expectAgreement(text);
            }
        }
    }
}

// Neighbours must not disturb each other, as a carry in a word would.
TEST(Scan, spellingsAgreeOnEveryPairOfBytes) {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            std::string text(24, '-');
            text[5] = static_cast<char>(first);
            text[6] = static_cast<char>(second);
            expectAgreement(text);
        }
    }
}

// Random texts of mostly good bytes, so that scans go far.
TEST(Scan, spellingsAgreeOnRandomTexts) {
    std::mt19937 random(20261121);
    for (int round = 0; round < 20000; ++round) {
        std::string text(random() % 100, '\0');
        for (char& byte : text)
            byte = static_cast<char>(random() % 16 == 0 ? random() % 256 : 'a' + random() % 26);
        expectAgreement(text);
    }
}

// The classes themselves, against the grammars of RFC 9110 §5.6.2, §5.5 and RFC 9112 §3.2.
TEST(Scan, classesFollowTheGrammars) {
    const std::string_view marks = "!#$%&'*+-.^_`|~";
    for (int value = 0; value < 256; ++value) {
        const char byte = static_cast<char>(value);
        const std::string text(1, byte);
        const bool alphanumeric = (value >= '0' && value <= '9') ||
                                  (value >= 'A' && value <= 'Z') || (value >= 'a' && value <= 'z');
        const bool tokenMark = value != 0 && marks.find(byte) != std::string_view::npos;
        EXPECT_EQ(isToken(text), alphanumeric || tokenMark) << value;
        EXPECT_EQ(isValue(text), value == '\t' || (value >= 0x20 && value != 0x7f)) << value;
        const bool visible = value > 0x20 && value < 0x7f;
        const bool excluded =
            byte == '"' || byte == '#' || byte == '<' || byte == '>' || byte == '\\';
        EXPECT_EQ(lengthOf(skipTarget, text) == 1, visible && !excluded) << value;
    }
    EXPECT_FALSE(isToken(""));
    EXPECT_TRUE(isValue(""));
}

}  // namespace
}  // namespace marline::http::detail
