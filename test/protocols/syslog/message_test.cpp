// Syslog messages, written and read: RFC 5424's examples, what it refuses, and RFC 3164's kin.
#include <marline/protocols/syslog/message.hpp>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marline::syslog {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const std::string kBom = "\xef\xbb\xbf";

Message::Time at(int year, unsigned month, unsigned day, std::chrono::microseconds time) {
    return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) /
                                 static_cast<int>(day)) +
           time;
}

Message parsed(std::string_view text) {
    const Result<Message> message = parseMessage(text);
    EXPECT_TRUE(message.ok()) << text << ": " << message.failure().message();
    return message.ok() ? message.value() : Message();
}

std::string refused(std::string_view text) {
    const Result<Message> message = parseRfc5424(text);
    EXPECT_FALSE(message.ok()) << text;
    if (message.ok()) {
        return {};
    }
    EXPECT_NE(message.failure().check<FormatError>(), nullptr);
    return message.failure().message();
}

// RFC 5424 §6.5, example 1: no structured data, a text of UTF-8.
TEST(SyslogMessage, readsTheFirstExample) {
    const std::string text = "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - " +
                             kBom + "'su root' failed for lonvick on /dev/pts/8";
    EXPECT_EQ(parsed(text), (Message{.facility = Facility::Auth,
                                     .severity = Severity::Critical,
                                     .time = at(2003, 10, 11, 22h + 14min + 15s + 3ms),
                                     .hostName = "mymachine.example.com",
                                     .appName = "su",
                                     .msgId = "ID47",
                                     .text = "'su root' failed for lonvick on /dev/pts/8",
                                     .utf8 = true}));
}

// RFC 5424 §6.5, example 2: a zone, and a text of any bytes; §6.2.3.1's other times.
TEST(SyslogMessage, readsTimes) {
    const Message second =
        parsed("<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time.");
    EXPECT_EQ(second.time, at(2003, 8, 24, 12h + 14min + 15s + 3us));
    EXPECT_EQ(second.procId, "8710");
    EXPECT_EQ(second.text, "%% It's time.");
    EXPECT_FALSE(second.utf8);
    const auto timeOf = [](const std::string& time) {
        return parsed("<0>1 " + time + " - - - - -").time;
    };
    EXPECT_EQ(timeOf("-"), std::nullopt);
    EXPECT_EQ(timeOf("1985-04-12T23:20:50.52Z"), at(1985, 4, 12, 23h + 20min + 50s + 520ms));
    EXPECT_EQ(timeOf("1985-04-12T19:20:50.52-04:00"), at(1985, 4, 12, 23h + 20min + 50s + 520ms));
    EXPECT_EQ(timeOf("2004-02-29T00:00:00+01:30"), at(2004, 2, 28, 22h + 30min));
}

// RFC 5424 §6.5, examples 3 and 4: structured data, with a text and without.
TEST(SyslogMessage, readsStructuredData) {
    const std::string head =
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 ";
    const std::string one =
        "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]";
    const std::string two = "[examplePriority@32473 class=\"high\"]";
    const Element first{"exampleSDID@32473",
                        {{"iut", "3"}, {"eventSource", "Application"}, {"eventID", "1011"}}};
    const Element second{"examplePriority@32473", {{"class", "high"}}};
    const Message third = parsed(head + one + " " + kBom + "An application event log entry...");
    EXPECT_EQ(third.elements, (std::vector{first}));
    EXPECT_EQ(third.text, "An application event log entry...");
    const Message fourth = parsed(head + one + two);
    EXPECT_EQ(fourth.elements, (std::vector{first, second}));
    EXPECT_EQ(fourth.text, "");
    // §6.3.5: a blank ends the structured data, and what follows is text.
    const Message text = parsed(head + one + " " + two);
    EXPECT_EQ(text.elements, (std::vector{first}));
    EXPECT_EQ(text.text, two);
    EXPECT_EQ(parsed(head + "[sigSig ver=\"1\" rsID=\"1234\" rsID=\"5\"][empty]").elements.size(),
              2U);
}

// RFC 5424 §6.3.3: what is escaped, and a backslash that escapes nothing.
TEST(SyslogMessage, readsEscapes) {
    const Message message =
        parsed("<1>1 - - - - - [x a=\"\\\"\\\\\\]\" b=\"c:\\dir\" c=\"\xc3\xa4\n\"]");
    EXPECT_EQ(message.elements.at(0).parameters,
              (std::vector<Parameter>{{"a", "\"\\]"}, {"b", "c:\\dir"}, {"c", "\xc3\xa4\n"}}));
}

// Whatever is written is read as it was, every priority among it.
TEST(SyslogMessage, comesOutAsItWentIn) {
    Message message{
        .time = at(2026, 12, 31, 23h + 59min + 59s + 999'999us),
        .hostName = std::string(kMaxHostName, 'h'),
        .appName = std::string(kMaxAppName, 'a'),
        .procId = std::string(kMaxProcId, '~'),
        .msgId = std::string(kMaxMsgId, '!'),
        .elements = {{"none", {}},
                     {std::string(kMaxSdName, 'i'),
                      {{std::string(kMaxSdName, 'n'), "\"]\\\\\" = \xe2\x82\xac\r\n"}, {"n", ""}}}},
        .text = "text with \xe2\x82\xac and \"quotes\"]",
        .utf8 = true};
    for (unsigned priority = 0; priority < 192; ++priority) {
        message.facility = static_cast<Facility>(priority / 8);
        message.severity = static_cast<Severity>(priority % 8);
        const std::string text = formatMessage(message);
        EXPECT_TRUE(text.starts_with("<" + std::to_string(priority) + ">1 2026-12-31T23:59:59."));
        EXPECT_EQ(parsed(text), message);
    }
    EXPECT_EQ(formatMessage({}), "<13>1 - - - - - -");
    EXPECT_EQ(parsed(formatMessage({})), Message());
    const Message bytes{.text = std::string("\0\xff\n", 3)};
    EXPECT_EQ(parsed(formatMessage(bytes)), bytes);
}

// Every part that is not as RFC 5424 §6 has it is told, with its place.
TEST(SyslogMessage, refusesEverythingElse) {
    for (const char* text : {"", "<", "<>1 - - - - - -", "<192>1 - - - - - -",
                             "<0192>1 - - - - - -", "<01>1 - - - - - -", "<-1>1 - - - - - -",
                             "13>1 - - - - - -", "<13 1 - - - - - -", "<1000>1 - - - - - -"}) {
        EXPECT_EQ(refused(text), "syslog: byte 0 is not a priority (RFC 5424)") << text;
    }
    for (const char* text : {"<13>", "<13>2 - - - - - -", "<13>0 - - - - - -", "<13> 1"}) {
        EXPECT_EQ(refused(text), "syslog: byte 4 is not version 1 (RFC 5424)") << text;
    }
    EXPECT_EQ(refused("<13>12 - - - - - -"), "syslog: byte 5 is not a blank (RFC 5424)");
    for (const char* time : {"",
                             "2003-10-11",
                             "2003-10-11T22:14:15",
                             "2003-10-11t22:14:15Z",
                             "2003-10-11T22:14:15z",
                             "2003-10-11 22:14:15Z",
                             "2003-02-29T22:14:15Z",
                             "2003-13-01T22:14:15Z",
                             "2003-00-01T22:14:15Z",
                             "2003-01-00T22:14:15Z",
                             "2003-10-11T24:14:15Z",
                             "2003-10-11T22:60:15Z",
                             "2003-10-11T22:14:60Z",
                             "2003-10-11T22:14:15.Z",
                             "2003-10-11T22:14:15.1234567Z",
                             "2003-10-11T22:14:15+24:00",
                             "2003-10-11T22:14:15+01:60",
                             "2003-10-11T22:14:15+0100",
                             "03-10-11T22:14:15Z",
                             "+203-10-11T22:14:15Z"}) {
        EXPECT_THAT(refused("<13>1 " + std::string(time) + " - - - - -"), HasSubstr("a time"))
            << time;
    }
    const auto named = [](int place, const std::string& name) {
        std::string text = "<13>1 -";
        for (int i = 0; i < 4; ++i) {
            text += ' ' + (i == place ? name : "-");
        }
        return refused(text + " -");
    };
    EXPECT_THAT(named(0, std::string(kMaxHostName + 1, 'x')), HasSubstr("a host's name"));
    EXPECT_THAT(named(1, std::string(kMaxAppName + 1, 'x')), HasSubstr("a program's name"));
    EXPECT_THAT(named(2, std::string(kMaxProcId + 1, 'x')), HasSubstr("a process"));
    EXPECT_THAT(named(3, std::string(kMaxMsgId + 1, 'x')), HasSubstr("a kind of message"));
    EXPECT_THAT(named(0, ""), HasSubstr("a host's name"));
    EXPECT_THAT(named(0, "\xc3\xa4"), HasSubstr("a host's name"));
    EXPECT_THAT(named(3, "a\tb"), HasSubstr("a kind of message"));
}

// RFC 5424 §6.3: the same for structured data, and for a text that is not what it says.
TEST(SyslogMessage, refusesOtherStructuredData) {
    const std::string head = "<13>1 - - - - - ";
    for (const std::string data : {"", "x", "]", " -"}) {
        EXPECT_THAT(refused(head + data), HasSubstr("structured data")) << data;
    }
    for (const std::string& data :
         {std::string("["), std::string("[]"), std::string("[ x]"), std::string("[=x]"),
          "[" + std::string(kMaxSdName + 1, 'x') + "]"}) {
        EXPECT_THAT(refused(head + data), HasSubstr("the id of an element")) << data;
    }
    EXPECT_THAT(refused(head + "[x][x]"), HasSubstr("an id that comes once"));
    EXPECT_THAT(refused(head + "[x a=\"1\""), HasSubstr("the end of an element"));
    EXPECT_THAT(refused(head + "[x=]"), HasSubstr("the end of an element"));
    for (const std::string data : {"[x ]", "[x a]", "[x a=]", "[x a=1]", "[x  a=\"1\"]"}) {
        EXPECT_THAT(refused(head + data), HasSubstr("the name of a parameter")) << data;
    }
    for (const std::string data : {"[x a=\"1", "[x a=\"]\"]", "[x a=\"\xff\"]", "[x a=\"\\\"]"}) {
        EXPECT_THAT(refused(head + data), HasSubstr("the value of a parameter")) << data;
    }
    EXPECT_THAT(refused(head + "-x"), HasSubstr("a blank"));
    EXPECT_THAT(refused(head + "[x]y"), HasSubstr("a blank"));
    EXPECT_THAT(refused(head + "- " + kBom + "\xff"), HasSubstr("UTF-8"));
}

// What cannot be written is misuse.
TEST(SyslogMessage, refusesToWriteEverythingElse) {
    const std::vector<Message> wrong = {
        {.hostName = "a b"},
        {.hostName = std::string(kMaxHostName + 1, 'x')},
        {.appName = "a\n"},
        {.appName = std::string(kMaxAppName + 1, 'x')},
        {.procId = std::string(kMaxProcId + 1, 'x')},
        {.msgId = std::string(kMaxMsgId + 1, 'x')},
        {.elements = {{"", {}}}},
        {.elements = {{"a]", {}}}},
        {.elements = {{std::string(kMaxSdName + 1, 'x'), {}}}},
        {.elements = {{"a", {}}, {"a", {}}}},
        {.elements = {{"a", {{"", "x"}}}}},
        {.elements = {{"a", {{"b=", "x"}}}}},
        {.elements = {{"a", {{"b", "\xff"}}}}},
        {.text = "\xff", .utf8 = true},
        {.time = at(10000, 1, 1, 0us)},
        {.time = at(-1, 1, 1, 0us)},
    };
    for (const Message& message : wrong) {
        EXPECT_THROW(formatMessage(message), std::invalid_argument);
    }
    EXPECT_THROW(formatLocalMessage({.appName = "a b"}), std::invalid_argument);
    EXPECT_THROW(formatLocalMessage({.appName = "a", .procId = "a b"}), std::invalid_argument);
}

// kMaxMessage: a text that is too long is cut, never within a character; all else is misuse.
TEST(SyslogMessage, cutsLongTexts) {
    const Message message{.text = "12345\xe2\x82\xac"};
    const std::string whole = formatMessage(message);
    EXPECT_EQ(formatMessage(message, whole.size()), whole);
    for (std::size_t less = 1; less <= 3; ++less) {
        EXPECT_EQ(formatMessage(message, whole.size() - less), "<13>1 - - - - - - 12345");
    }
    EXPECT_EQ(formatMessage(message, whole.size() - 4), "<13>1 - - - - - - 1234");
    EXPECT_EQ(formatMessage({.text = "1\x80\x80"}, 20), "<13>1 - - - - - - 1\x80");
    EXPECT_THROW(formatMessage(message, 17), std::length_error);
    EXPECT_EQ(formatMessage({.text = std::string(10'000, 'x')}).size(), kMaxMessage);
    EXPECT_EQ(formatLocalMessage({.text = "12345"}, 6), "<13>12");
}

// RFC 3164 §5.4's examples, and what others send: any part may be missing.
TEST(SyslogMessage, readsTheOlderOnes) {
    EXPECT_EQ(
        parsed("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8"),
        (Message{.facility = Facility::Auth,
                 .severity = Severity::Critical,
                 .hostName = "mymachine",
                 .appName = "su",
                 .text = "'su root' failed for lonvick on /dev/pts/8",
                 .format = Message::Format::Rfc3164,
                 .localTime = "Oct 11 22:14:15"}));
    EXPECT_EQ(parsed("Use the BFG!").text, "Use the BFG!");
    EXPECT_EQ(parsed("Use the BFG!").facility, Facility::User);
    EXPECT_EQ(parsed("Use the BFG!").severity, Severity::Notice);
    const Message local = parsed(std::string("<13>Feb  5 17:32:18 app[4711]: hello\n\0", 38));
    EXPECT_EQ(local.localTime, "Feb  5 17:32:18");
    EXPECT_EQ(local.hostName, "");
    EXPECT_EQ(local.appName, "app");
    EXPECT_EQ(local.procId, "4711");
    EXPECT_EQ(local.text, "hello");
    const Message untimed = parsed("<191>app: hello");
    EXPECT_EQ(untimed.severity, Severity::Debug);
    EXPECT_EQ(untimed.appName, "app");
    EXPECT_EQ(untimed.text, "hello");
}

// What only looks like one of its parts stays text.
TEST(SyslogMessage, leavesOddOnesAsTheyAre) {
    for (const std::string text :
         {"<192>x", "<13", "<>x", "<x>y", "Oct 11 22:14 short", "oct 11 22:14:15 x", "app[12: x",
          "app[12] x", "[12]: x", ": x", "two words: x", "app[]: x", "<013>x"}) {
        const Message message = parsed(text);
        EXPECT_EQ(message.text, text);
        EXPECT_EQ(message.appName, "");
        EXPECT_EQ(message.localTime, "");
        EXPECT_EQ(message.format, Message::Format::Rfc3164);
    }
    EXPECT_EQ(parsed("<13>Oct 11 22:14:15").localTime, "Oct 11 22:14:15");
    EXPECT_EQ(parsed("<13>Oct 11 22:14:15 host").text, "host");
    EXPECT_EQ(parsed("<13>Oct 11 22:14:15 host").hostName, "");
    EXPECT_EQ(parsed("<13>").text, "");
    for (const std::string& nothing :
         {std::string(), std::string("\n"), std::string("\0\r\n", 3)}) {
        EXPECT_FALSE(parseMessage(nothing).ok());
    }
    EXPECT_FALSE(parseMessage("<13>1 text").ok()) << "it says that it is of RFC 5424";
}

// As syslog(3) writes it, in the zone of the process.
TEST(SyslogMessage, writesForItsOwnHost) {
    const char* const before = std::getenv("TZ");
    const std::string zone = before != nullptr ? before : "";
    ::setenv("TZ", "UTC-2", 1);
    ::tzset();
    const std::string text = formatLocalMessage({.severity = Severity::Error,
                                                 .time = at(2026, 2, 4, 22h + 1min + 2s),
                                                 .hostName = "left.out",
                                                 .appName = "app",
                                                 .procId = "12",
                                                 .msgId = "LEFTOUT",
                                                 .text = "hello"});
    before != nullptr ? ::setenv("TZ", zone.c_str(), 1) : ::unsetenv("TZ");
    ::tzset();
    EXPECT_EQ(text, "<11>Feb  5 00:01:02 app[12]: hello");
    EXPECT_EQ(formatLocalMessage({.appName = "app", .text = "x"}), "<13>app: x");
    EXPECT_EQ(formatLocalMessage({.procId = "12", .text = "x"}), "<13>x");
}

// A message of this process says who it is, and when.
TEST(SyslogMessage, isOfThisProcess) {
    const Message message = localMessage("app", Severity::Alert, "\xe2\x82\xac");
    EXPECT_EQ(message.procId, std::to_string(::getpid()));
    EXPECT_FALSE(message.hostName.empty());
    EXPECT_TRUE(message.utf8);
    EXPECT_LT(std::chrono::abs(*message.time - std::chrono::system_clock::now()), 1h);
    EXPECT_EQ(parsed(formatMessage(message)), message);
    EXPECT_FALSE(localMessage("app", Severity::Alert, "\xff").utf8);
}

}  // namespace
}  // namespace marline::syslog
