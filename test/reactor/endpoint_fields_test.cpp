// Descriptions of endpoints, taken apart: E-22.
#include <marline/reactor/endpoint_fields.hpp>

#include <chrono>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace marline;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// What `call` is refused with; empty when it is not.
template <class Call>
std::string refusal(Call&& call) {
    try {
        call();
    } catch (const EndpointStringError& error) {
        return error.what();
    }
    return "";
}

/// The first field of a description without a name.
std::string onlyField(const std::string& description) {
    return EndpointFields(description).take("field").value_or("<none>");
}

// E-22: the kind stands first, then fields with and without a name.
TEST(EndpointFields, fieldsHavePlacesOrNames) {
    EndpointFields fields("tcp:8080:interface=127.0.0.1");
    EXPECT_EQ(fields.kind(), "tcp");
    EXPECT_EQ(fields.take("port"), "8080");
    EXPECT_EQ(fields.take("interface"), "127.0.0.1");
    EXPECT_EQ(fields.take("backlog"), std::nullopt);
    fields.finish();
    EXPECT_EQ(EndpointFields("stdio").kind(), "stdio");
    EXPECT_EQ(EndpointFields("stdio:").kind(), "stdio");
}

// Fields without a name are shared out among those that are not given by name.
TEST(EndpointFields, namesAndPlacesMix) {
    EndpointFields fields("tcp:80:host=example.org");
    EXPECT_EQ(fields.take("host"), "example.org");
    EXPECT_EQ(fields.take("port"), "80");
    fields.finish();
}

// E-22: a backslash takes the meaning of the next character away, its own too.
TEST(EndpointFields, backslashQuotes) {
    EXPECT_EQ(onlyField(R"(unix:/var/run/a\:b)"), "/var/run/a:b");
    EXPECT_EQ(onlyField(R"(unix:C\\dir)"), R"(C\dir)");
    EXPECT_EQ(onlyField(R"(unix:\=a)"), "=a");
    EXPECT_EQ(onlyField(R"(unix:\x)"), "x");
    EndpointFields fields(R"(tcp:host=\:\:1:port=80)");
    EXPECT_EQ(fields.take("host"), "::1");
    EXPECT_EQ(fields.take("port"), "80");
}

// E-22: only the first equals sign ends a name.
TEST(EndpointFields, laterEqualsSignsAreText) {
    EndpointFields fields("unix:path=/tmp/a=b=c");
    EXPECT_EQ(fields.take("path"), "/tmp/a=b=c");
}

// E-22: what is quoted stands for itself, whatever it is.
TEST(EndpointFields, quotedTextComesBack) {
    for (const std::string text : {"", "plain", "a:b", "a=b", R"(\)", R"(\:=\\==::)", "::1"}) {
        EXPECT_EQ(onlyField("kind:" + quoteStringArgument(text)), text);
        EndpointFields named("kind:name=" + quoteStringArgument(text));
        EXPECT_EQ(named.take("name"), text);
        named.finish();
    }
}

// The rest behind the kind is kept as it was written, to be a description itself.
TEST(EndpointFields, theRestIsAnotherDescription) {
    EndpointFields fields(R"(haproxy:tcp:80:interface=\:\:1)");
    EXPECT_EQ(fields.takeRest(), R"(tcp:80:interface=\:\:1)");
    fields.finish();
    EXPECT_EQ(EndpointFields("haproxy").takeRest(), "");
}

// What makes no sense is one error, which has the description and the reason.
TEST(EndpointFields, malformedDescriptionsAreRefused) {
    EXPECT_EQ(refusal([] { EndpointFields("tcp:80\\"); }),
              "the endpoint \"tcp:80\\\" makes no sense: it ends in a backslash, which has nothing "
              "to take the meaning of");
    EXPECT_THAT(refusal([] { EndpointFields(""); }), HasSubstr("begin with a kind"));
    EXPECT_THAT(refusal([] { EndpointFields(":80"); }), HasSubstr("begin with a kind"));
    EXPECT_THAT(refusal([] { EndpointFields("tcp:port=1:port=2"); }),
                HasSubstr("'port' is given twice"));
}

// A field that must be there, or be a number, says what is wrong with it.
TEST(EndpointFields, fieldsAreChecked) {
    EXPECT_THAT(refusal([] { EndpointFields("tcp").need("host"); }),
                HasSubstr("'host' is missing"));
    EXPECT_THAT(refusal([] { EndpointFields("tcp:host=").need("host"); }),
                HasSubstr("'host' is empty"));
    EXPECT_EQ(EndpointFields("tcp:65535").needPort("port"), 65535);
    EXPECT_EQ(EndpointFields("tcp:0").needPort("port"), 0);
    for (const std::string port : {"65536", "-1", "http", "80 ", " 80", "0x50", "8.0", "+80"}) {
        EXPECT_THAT(refusal([&] { EndpointFields("tcp:" + port).needPort("port"); }),
                    HasSubstr("'port' is '" + port + "', which is no port"));
    }
}

// Numbers, seconds and flags have limits, and a value when they are not given.
TEST(EndpointFields, valuesHaveLimitsAndDefaults) {
    EXPECT_EQ(EndpointFields("k").takeNumber("n", 7), 7U);
    EXPECT_EQ(EndpointFields("k:n=4294967295").takeNumber("n", 7), 4294967295U);
    EXPECT_EQ(EndpointFields("k:5").takeNumber("n", 7, 5, 5), 5U);
    for (const std::string number : {"4", "6", "", "x", "4294967301"}) {
        EXPECT_THAT(refusal([&] { EndpointFields("k:n=" + number).takeNumber("n", 7, 5, 5); }),
                    HasSubstr("no number from 5 to 5"));
    }
    EXPECT_EQ(EndpointFields("k").takeSeconds("t", 30s), 30s);
    EXPECT_EQ(EndpointFields("k:t=5").takeSeconds("t", 30s), 5s);
    EXPECT_THAT(refusal([] { EndpointFields("k:t=0").takeSeconds("t", 30s); }), HasSubstr("'t'"));
    EXPECT_TRUE(EndpointFields("k").takeFlag("f", true));
    EXPECT_TRUE(EndpointFields("k:f=yes").takeFlag("f", false));
    EXPECT_FALSE(EndpointFields("k:f=no").takeFlag("f", true));
    EXPECT_TRUE(EndpointFields("k:f=1").takeFlag("f", false));
    EXPECT_FALSE(EndpointFields("k:f=0").takeFlag("f", true));
    EXPECT_THAT(refusal([] { EndpointFields("k:f=true").takeFlag("f", true); }),
                HasSubstr("not 'yes' or 'no'"));
}

// What nobody took is an error: a slip in a name must not be passed over.
TEST(EndpointFields, leftOversAreRefused) {
    EndpointFields misspelt("tcp:80:intreface=127.0.0.1");
    EXPECT_EQ(misspelt.take("port"), "80");
    EXPECT_EQ(misspelt.take("interface"), std::nullopt);
    EXPECT_THAT(refusal([&] { misspelt.finish(); }), HasSubstr("no field 'intreface' for 'tcp'"));
    EndpointFields tooMany("tcp:80:90");
    EXPECT_EQ(tooMany.take("port"), "80");
    EXPECT_THAT(refusal([&] { tooMany.finish(); }), HasSubstr("no field for '90'"));
}

}  // namespace
