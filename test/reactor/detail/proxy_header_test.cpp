// The PROXY header on the wire: E-27.
#include <marline/reactor/detail/proxy_header.hpp>

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/interfaces.hpp>

namespace {

using namespace marline;
using namespace std::string_literals;
using detail::ProxyHeader;
using State = ProxyHeader::State;
using ::testing::HasSubstr;

State parse(ProxyHeader& header, std::string_view text) { return header.parse(asBytes(text)); }

/// Why `text` is no header; empty when it is one, `incomplete` when it may become one.
std::string refusal(std::string_view text) {
    ProxyHeader header;
    switch (parse(header, text)) {
    case State::Complete: return "";
    case State::Incomplete: return "incomplete";
    case State::Bad: break;
    }
    return header.reason();
}

/// A header of version 2; its length is that of `rest` unless given.
std::string binary(unsigned char versionAndCommand, unsigned char family, const std::string& rest,
                   std::size_t length = std::string::npos) {
    length = length == std::string::npos ? rest.size() : length;
    return "\r\n\r\n\0\r\nQUIT\n"s + static_cast<char>(versionAndCommand) +
           static_cast<char>(family) + static_cast<char>(length >> 8U) +
           static_cast<char>(length & 0xffU) + rest;
}

const std::string kFour = "\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x01\xbb"s;

/// Every beginning of `whole` is incomplete, and what follows it is not looked at.
void comesInAnyPieces(const std::string& whole) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(refusal(std::string_view(whole).substr(0, size)), "incomplete") << size;
    }
    ProxyHeader header;
    ASSERT_EQ(parse(header, whole + "GET / HTTP/1.1\r\n"), State::Complete);
    EXPECT_EQ(header.size(), whole.size());
}

// E-27: a line names family, both addresses and both ports.
TEST(ProxyLine, bringsAddresses) {
    ProxyHeader header;
    ASSERT_EQ(parse(header, "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nmore"), State::Complete);
    EXPECT_TRUE(header.hasAddresses());
    EXPECT_EQ(header.source(), (Address{Address::Kind::Ipv4, 56324, "192.0.2.1"}));
    EXPECT_EQ(header.destination(), (Address{Address::Kind::Ipv4, 443, "192.0.2.2"}));
    EXPECT_EQ(header.size(), 42U);
    ASSERT_EQ(parse(header, "PROXY TCP6 2001:DB8::1 ::1 0 65535\r\n"), State::Complete);
    EXPECT_EQ(header.source(), (Address{Address::Kind::Ipv6, 0, "2001:db8::1"}));
    EXPECT_EQ(header.destination(), (Address{Address::Kind::Ipv6, 65535, "::1"}));
}

// A proxy that does not know says so; the rest of the line is to be ignored.
TEST(ProxyLine, unknownKeepsTheRealAddresses) {
    for (const std::string line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 what ever\r\n"}) {
        ProxyHeader header;
        ASSERT_EQ(parse(header, line), State::Complete) << line;
        EXPECT_FALSE(header.hasAddresses());
        EXPECT_EQ(header.size(), line.size());
    }
}

// It may come in any pieces.
TEST(ProxyLine, comesInAnyPieces) {
    comesInAnyPieces("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n");
    comesInAnyPieces("PROXY UNKNOWN\r\n");
}

// E-27: what is not exactly a header is refused, with the reason.
TEST(ProxyLine, isStrict) {
    for (const std::string line : {
             "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 \r\n",  // something behind it
             "PROXY TCP4 192.0.2.1 192.0.2.2 56324\r\n",       // too few
             "PROXY TCP4 192.0.2.1 192.0.2.2 065 443\r\n",     // a zero in front
             "PROXY TCP4 192.0.2.1 192.0.2.2 +65 443\r\n",     // a sign
             "PROXY TCP4 192.0.2.1 192.0.2.2 65536 443\r\n",   // too great
             "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n\r\n",       // a line feed inside
             "PROXY TCP4 192.0.2.1 192.0.2.2 0x1 2\r\n",
             "PROXY TCP4 192.0.2.1 192.0.2.2  2\r\n",
         }) {
        EXPECT_THAT(refusal(line), HasSubstr("port")) << line;
    }
    for (const std::string& line : std::vector<std::string>{
             "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
             "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
             "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "PROXY TCP4 host.test 192.0.2.1 1 2\r\n",
             "PROXY TCP4\r\n", "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
             "PROXY TCP4 192.0.2.1\0x 192.0.2.2 1 2\r\n"s,
             "PROXY TCP6 0000:0000:0000:0000:0000:0000:0000:0000:0000:0001 ::1 1 2\r\n"}) {
        EXPECT_THAT(refusal(line), HasSubstr("address")) << line;
    }
    for (const std::string line :
         {"PROXY \r\n", "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY UDP4 1 2 3 4\r\n",
          "PROXY UNKNOWNS\r\n", "PROXY TCP4192.0.2.1 192.0.2.2 1 2\r\n"}) {
        EXPECT_THAT(refusal(line), HasSubstr("family")) << line;
    }
    for (const std::string start :
         {"GET / HTTP/1.1\r\n", "proxy ", "PROXYTCP4", "x", "\r\n\r\nQ"}) {
        EXPECT_THAT(refusal(start), HasSubstr("does not begin with")) << start;
    }
}

// E-27, ProxyHeader::kMaxLine: a line has 107 bytes at most (Twisted: 108), CR and LF among them.
TEST(ProxyLine, isBounded) {
    const std::string start = "PROXY UNKNOWN ";
    const std::string longest = start + std::string(107 - start.size() - 2, 'x') + "\r\n";
    ASSERT_EQ(longest.size(), ProxyHeader::kMaxLine);
    EXPECT_EQ(refusal(longest), "");
    EXPECT_EQ(refusal(longest.substr(0, 106)), "incomplete");
    EXPECT_THAT(refusal(start + std::string(107 - start.size() - 1, 'x') + "\r\n"),
                HasSubstr("107 bytes"));
}

// E-27: version 2 brings the same in binary, and more that is passed over.
TEST(ProxyBinary, bringsAddresses) {
    ProxyHeader header;
    const std::string extensions("\x02\x00\x05host!", 8);
    const std::string four = binary(0x21, 0x11, kFour + extensions);
    ASSERT_EQ(parse(header, four + "more"), State::Complete);
    EXPECT_TRUE(header.hasAddresses());
    EXPECT_EQ(header.source(), (Address{Address::Kind::Ipv4, 56324, "192.0.2.1"}));
    EXPECT_EQ(header.destination(), (Address{Address::Kind::Ipv4, 443, "192.0.2.2"}));
    EXPECT_EQ(header.size(), four.size());
    const std::string host = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01";
    ASSERT_EQ(parse(header, binary(0x21, 0x21, host + host + "\x00\x50\x01\xbb"s)),
              State::Complete);
    EXPECT_EQ(header.source(), (Address{Address::Kind::Ipv6, 80, "2001:db8::1"}));
    EXPECT_EQ(header.destination().port, 443);
}

// UNIX sockets have paths, which may be abstract or fill their field.
TEST(ProxyBinary, bringsPaths) {
    const auto field = [](std::string path) { return path + std::string(108 - path.size(), '\0'); };
    ProxyHeader header;
    ASSERT_EQ(parse(header, binary(0x21, 0x31, field("/run/a") + field("\0abstract"s))),
              State::Complete);
    EXPECT_EQ(header.source(), (Address{Address::Kind::Unix, 0, "/run/a"}));
    EXPECT_EQ(header.destination(), (Address{Address::Kind::Unix, 0, "\0abstract"s}));
    ASSERT_EQ(parse(header, binary(0x21, 0x31, std::string(108, 'x') + field(""))),
              State::Complete);
    EXPECT_EQ(header.source().host, std::string(108, 'x'));
    EXPECT_EQ(header.destination().host, "");
}

// E-27: LOCAL and UNSPEC keep the real addresses, whatever stands there.
TEST(ProxyBinary, localAndUnspecKeepTheRealAddresses) {
    for (const std::string& whole :
         {binary(0x20, 0x11, kFour), binary(0x20, 0x00, ""), binary(0x21, 0x00, ""),
          binary(0x21, 0x00, "whatever"), binary(0x21, 0x10, kFour), binary(0x20, 0x11, "short")}) {
        ProxyHeader header;
        ASSERT_EQ(parse(header, whole), State::Complete);
        EXPECT_FALSE(header.hasAddresses());
        EXPECT_EQ(header.size(), whole.size());
    }
}

// It may come in any pieces.
TEST(ProxyBinary, comesInAnyPieces) { comesInAnyPieces(binary(0x21, 0x11, kFour + "extension")); }

// E-27: other versions, commands and families, and too little for the addresses, are refused.
TEST(ProxyBinary, isStrict) {
    EXPECT_THAT(refusal(binary(0x11, 0x11, kFour)), HasSubstr("version"));
    EXPECT_THAT(refusal(binary(0x31, 0x11, kFour)), HasSubstr("version"));
    EXPECT_THAT(refusal(binary(0x22, 0x11, kFour)), HasSubstr("command"));
    EXPECT_THAT(refusal(binary(0x21, 0x41, kFour)), HasSubstr("family"));
    EXPECT_THAT(refusal(binary(0x21, 0x13, kFour)), HasSubstr("transport"));
    EXPECT_THAT(refusal(binary(0x21, 0x11, kFour.substr(1))), HasSubstr("too short"));
    EXPECT_THAT(refusal(binary(0x21, 0x21, std::string(35, 'x'))), HasSubstr("too short"));
    EXPECT_THAT(refusal(binary(0x21, 0x31, std::string(215, 'x'))), HasSubstr("too short"));
    std::string broken = binary(0x21, 0x11, kFour);
    broken[11] = 'X';
    EXPECT_THAT(refusal(broken), HasSubstr("does not begin with"));
}

// ProxyHeader::kMaxBinary: nobody makes a server keep 64 KiB for a header.
TEST(ProxyBinary, isBounded) {
    const std::string longest = binary(0x21, 0x11, kFour + std::string(4096 - 16 - 12, 'x'));
    ASSERT_EQ(longest.size(), ProxyHeader::kMaxBinary);
    EXPECT_EQ(refusal(longest), "");
    EXPECT_THAT(refusal(binary(0x21, 0x11, kFour, 4096 - 16 + 1)), HasSubstr("4096 bytes"));
}

}  // namespace
