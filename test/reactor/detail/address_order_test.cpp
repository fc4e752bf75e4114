// Which address comes first.
#include <marline/reactor/detail/address_order.hpp>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/reactor/resolver.hpp>

namespace {

using namespace marline;
using marline::detail::orderAddresses;
using marline::detail::precedence;
using ::testing::ElementsAre;

Address address(const std::string& host) {
    Address made;
    EXPECT_TRUE(parseNumericAddress(host, 80, made)) << host;
    return made;
}

std::vector<std::string> ordered(const std::vector<std::string>& hosts) {
    std::vector<Address> addresses;
    for (const std::string& host : hosts) {
        addresses.push_back(address(host));
    }
    orderAddresses(addresses);
    std::vector<std::string> after;
    for (const Address& one : addresses) {
        EXPECT_EQ(one.port, 80);
        after.push_back(one.host);
    }
    return after;
}

// The default policy table, RFC 6724 §2.1, row by row.
TEST(AddressOrder, precedencesAreThoseOfTheTable) {
    EXPECT_EQ(precedence(address("::1")), 50);
    EXPECT_EQ(precedence(address("2a00::1")), 40);
    EXPECT_EQ(precedence(address("2001:db8::1")), 40);
    EXPECT_EQ(precedence(address("192.0.2.1")), 35);
    EXPECT_EQ(precedence(address("::ffff:192.0.2.1")), 35);
    EXPECT_EQ(precedence(address("2002:c000:201::1")), 30);
    EXPECT_EQ(precedence(address("2001:0:1::1")), 5);
    EXPECT_EQ(precedence(address("fc00::1")), 3);
    EXPECT_EQ(precedence(address("fdff::1")), 3);
    EXPECT_EQ(precedence(address("fe00::1")), 40);
    EXPECT_EQ(precedence(address("::192.0.2.1")), 1);
    EXPECT_EQ(precedence(address("fec0::1")), 1);
    EXPECT_EQ(precedence(address("feff::1")), 1);
    EXPECT_EQ(precedence(address("3ffe::1")), 1);
}

// A link's address without the link leads nowhere, so it comes last, of whatever precedence.
TEST(AddressOrder, whatHasNoRouteComesLast) {
    EXPECT_THAT(ordered({"fe80::1", "127.0.0.1"}), ElementsAre("127.0.0.1", "fe80::1"));
}

// Equals stay as the server gave them, so that its turns among them have an effect.
TEST(AddressOrder, equalsStayAsTheyCame) {
    EXPECT_THAT(ordered({"127.0.0.3", "127.0.0.1", "127.0.0.2"}),
                ElementsAre("127.0.0.3", "127.0.0.1", "127.0.0.2"));
    EXPECT_THAT(ordered({"127.0.0.1"}), ElementsAre("127.0.0.1"));
    EXPECT_THAT(ordered({}), ElementsAre());
}

}  // namespace
