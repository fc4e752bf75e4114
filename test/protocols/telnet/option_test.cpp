// Telnet's numbers, errors and window sizes.
#include <marline/protocols/telnet/option.hpp>

#include <string>

#include <gtest/gtest.h>

#include <marline/reactor/interfaces.hpp>
#include <test/protocols/telnet/telnet_wire.hpp>

namespace marline::telnet {
namespace {

// RFC 1073: columns, then rows, the higher byte first.
TEST(TelnetOption, readsAndWritesWindowSizes) {
    const std::string data = bytes({1, 2, 0, 255});
    EXPECT_EQ(parseWindowSize(asBytes(data)), (WindowSize{.columns = 258, .rows = 255}));
    EXPECT_EQ(windowSizeData({.columns = 258, .rows = 255}), data);
}

// A size of another length is none.
TEST(TelnetOption, refusesWindowSizesOfOtherLengths) {
    for (const std::string& data : {bytes({}), bytes({0, 80, 0}), bytes({0, 80, 0, 24, 0})}) {
        EXPECT_EQ(parseWindowSize(asBytes(data)), std::nullopt) << data.size();
    }
}

// The errors name the option.
TEST(TelnetOption, itsErrorsNameTheOption) {
    EXPECT_STREQ(OptionRefused(Option::Naws).what(), "telnet option 31 is refused by the peer");
    EXPECT_STREQ(AlreadyEnabled(Option::Echo).what(), "telnet option 1 is enabled already");
    EXPECT_STREQ(AlreadyDisabled(Option::Echo).what(), "telnet option 1 is disabled already");
    EXPECT_EQ(AlreadyNegotiating(Option::Status).option(), Option::Status);
}

}  // namespace
}  // namespace marline::telnet
