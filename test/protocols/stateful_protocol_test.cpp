// StatefulProtocol: steps that say which comes next.
#include <marline/protocols/stateful_protocol.hpp>

#include <string>

#include <gtest/gtest.h>

#include <test/protocols/framing.hpp>

namespace marline::testing {
namespace {

/// A digit, then a text of so many bytes, then `.` to go on or `!` to close; `=` waits for another.
class Steps final : public StatefulProtocol<Steps> {
public:
    Frames got;

private:
    State getInitialState() override { return {&Steps::length, 1}; }
    State length(std::string_view digit) {
        return {&Steps::body, static_cast<std::size_t>(digit[0] - '0')};
    }
    State body(std::string_view text) {
        got.emplace_back(text);
        return {&Steps::end, 1};
    }
    State end(std::string_view mark) {
        if (mark == "=") {
            return {};
        }
        if (mark == "!") {
            transport()->loseConnection();
        }
        return getInitialState();
    }
};

// Each step gets the bytes it asked for, none at all too, and says what the next one needs.
TEST(StatefulProtocol, takesStepAfterStepInAnyChunking) {
    EXPECT_EQ(everyWay<Steps>("3abc.0.9ninebytes.2xy"),
              (Frames{"abc", "", "ninebytes", "xy", "open"}));
}

// A step that names no other is taken again, with as many bytes.
TEST(StatefulProtocol, staysInAStepThatNamesNoOther) {
    EXPECT_EQ(everyWay<Steps>("1a==.1b"), (Frames{"a", "b", "open"}));
}

// No step is taken once the connection closes.
TEST(StatefulProtocol, takesNoStepOnceTheConnectionCloses) {
    EXPECT_EQ(everyWay<Steps>("1a!1b."), (Frames{"a", "closed"}));
}

}  // namespace
}  // namespace marline::testing
