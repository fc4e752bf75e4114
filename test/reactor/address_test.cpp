// Addresses as text.
#include <marline/reactor/address.hpp>

#include <string>

#include <gtest/gtest.h>

namespace marline {
namespace {

// An IPv4 address has four numbers, and nothing around them.
TEST(Address, isIpAddressKnowsNumericIpv4) {
    EXPECT_TRUE(isIpAddress("127.0.0.1"));
    EXPECT_TRUE(isIpAddress("255.255.255.255"));
    for (const char* other : {"", "127.1", "256.0.0.1", "1.2.3.4.5", " 1.2.3.4", "1.2.3.4 ",
                              "example.org", "::1", "::ffff:1.2.3.4"}) {
        EXPECT_FALSE(isIpAddress(other)) << other;
    }
    EXPECT_FALSE(isIpAddress(std::string("1.2.3.4\0", 8)));
}

// An IPv6 address may have a scope.
TEST(Address, isIpv6AddressKnowsNumericIpv6) {
    for (const char* text : {"::", "::1", "2001:db8::1", "fe80::1%eth0", "::ffff:1.2.3.4"}) {
        EXPECT_TRUE(isIpv6Address(text)) << text;
    }
    for (const char* other : {"", "%eth0", "fe80::1%", "1.2.3.4", "[::1]", "::1 ", "example.org",
                              "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0001"}) {
        EXPECT_FALSE(isIpv6Address(other)) << other;
    }
    EXPECT_FALSE(isIpv6Address(std::string("::1\0", 4)));
}

}  // namespace
}  // namespace marline
