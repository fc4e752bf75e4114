// The hosts file.
#include <marline/reactor/detail/hosts_file.hpp>

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temp_folder.hpp"

namespace {

using namespace marline;
using marline::detail::HostsFile;
using test::TempFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Address v4(const std::string& host) { return {Address::Kind::Ipv4, 0, host}; }
Address v6(const std::string& host) { return {Address::Kind::Ipv6, 0, host}; }

// An address, any number of names, and a comment; names are the same in upper and lower case.
TEST(HostsFile, knowsTheNamesOfEveryLine) {
    const TempFolder folder;
    HostsFile hosts(folder.write("hosts",
                                 "# a comment\n"
                                 "192.0.2.1\tOne.test  one\n"
                                 "\n"
                                 "  2001:db8::2 two.test#three.test\n"
                                 "192.0.2.4 last.test"));
    EXPECT_THAT(hosts.find("one.test"), ElementsAre(v4("192.0.2.1")));
    EXPECT_THAT(hosts.find("ONE"), ElementsAre(v4("192.0.2.1")));
    EXPECT_THAT(hosts.find("two.test"), ElementsAre(v6("2001:db8::2")));
    EXPECT_THAT(hosts.find("three.test"), IsEmpty());
    EXPECT_THAT(hosts.find("last.test"), ElementsAre(v4("192.0.2.4")));
}

// A name has all the addresses that it stands behind, each once.
TEST(HostsFile, aNameMayHaveSeveralAddresses) {
    const TempFolder folder;
    HostsFile hosts(folder.write("hosts",
                                 "192.0.2.1 a.test\n192.0.2.2 a.test\n"
                                 "2001:db8::1 a.test\n192.0.2.1 a.test\n"));
    EXPECT_THAT(hosts.find("a.test"),
                ElementsAre(v4("192.0.2.1"), v4("192.0.2.2"), v6("2001:db8::1")));
}

// A line that is none is passed over; the others hold.
TEST(HostsFile, passesOverWhatItCannotRead) {
    const TempFolder folder;
    HostsFile hosts(folder.write("hosts",
                                 "nonsense bad.test\n192.0.2.300 bad.test\n192.0.2.1\n"
                                 "192.0.2.2 good.test\r\n"));
    EXPECT_THAT(hosts.find("bad.test"), IsEmpty());
    EXPECT_THAT(hosts.find("good.test"), ElementsAre(v4("192.0.2.2")));
}

// What the file says of the local host goes before what is known without it.
TEST(HostsFile, theFileHasTheLastWordOnTheLocalHost) {
    const TempFolder folder;
    HostsFile hosts(folder.write("hosts", "127.0.0.1 localhost\n"));
    EXPECT_THAT(hosts.find("localhost"), ElementsAre(v4("127.0.0.1")));
    EXPECT_THAT(hosts.find("a.localhost"), ElementsAre(v4("127.0.0.1"), v6("::1")));
    EXPECT_THAT(hosts.find("notlocalhost"), IsEmpty());
}

// It may come, change and go while it is in use.
TEST(HostsFile, followsTheFile) {
    const TempFolder folder;
    HostsFile hosts(folder / "hosts");
    EXPECT_THAT(hosts.find("a.test"), IsEmpty());
    folder.write("hosts", "192.0.2.1 a.test\n");
    EXPECT_THAT(hosts.find("a.test"), ElementsAre(v4("192.0.2.1")));
    folder.write("hosts", "192.0.2.11 a.test\n");
    EXPECT_THAT(hosts.find("a.test"), ElementsAre(v4("192.0.2.11")));
    std::filesystem::remove(folder / "hosts");
    EXPECT_THAT(hosts.find("a.test"), IsEmpty());
}

}  // namespace
