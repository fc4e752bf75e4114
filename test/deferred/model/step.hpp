// Programs of steps that are done to a few Deferreds, and to their model.
#pragma once

#include <array>
#include <ostream>
#include <string>
#include <vector>

namespace marline::test {

/// How many Deferreds a program has.
inline constexpr int kDeferreds = 4;

/// What is done to a Deferred from outside.
enum class Kind { Link, Fire, Fail, Pause, Unpause, Cancel, Drop };

/// Which results a link runs on.
enum class Half { Value, Failure, Pair, Both };

/// What a link does when it runs.
enum class Act {
    Pass,         // gives a value
    Throw,        // throws
    GiveFailure,  // returns a Failure
    Wait,         // returns the other Deferred
    WaitThrough,  // returns a new Deferred that has returned the other one
    AddLink,      // adds a link to its own chain, and gives a value
    Pause,        // pauses its own chain, and gives a value
    FireOther,    // fires the other Deferred, and gives a value
    CancelOther   // cancels the other Deferred, and gives a value
};

/// What the canceller of a Deferred does.
enum class Canceller { None, Quiet, Fires, Fails, Throws };

struct Step {
    Kind kind;
    Half half;
    Act act;
    int on;
    int other;
};

struct Program {
    std::array<Canceller, kDeferreds> cancellers;
    std::vector<Step> steps;
};

inline std::ostream& operator<<(std::ostream& out, const Step& step) {
    static constexpr std::array kKinds{"link",    "fire",   "fail", "pause",
                                       "unpause", "cancel", "drop"};
    static constexpr std::array kHalves{"value", "failure", "pair", "both"};
    static constexpr std::array kActs{"pass",  "throw",        "give a failure",
                                      "wait",  "wait through", "add a link",
                                      "pause", "fire other",   "cancel other"};
    out << kKinds.at(static_cast<std::size_t>(step.kind)) << ' ' << step.on;
    if (step.kind == Kind::Link) {
        out << " on " << kHalves.at(static_cast<std::size_t>(step.half)) << ": "
            << kActs.at(static_cast<std::size_t>(step.act)) << ' ' << step.other;
    }
    return out;
}

inline std::ostream& operator<<(std::ostream& out, const Program& program) {
    static constexpr std::array kCancellers{"none", "quiet", "fires", "fails", "throws"};
    out << "cancellers";
    for (const Canceller canceller : program.cancellers) {
        out << ' ' << kCancellers.at(static_cast<std::size_t>(canceller));
    }
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        out << '\n' << i << ". " << program.steps[i];
    }
    return out;
}

/// All that a program shows: what each link saw, what each step threw, what was unhandled.
using Trace = std::vector<std::string>;

}  // namespace marline::test
