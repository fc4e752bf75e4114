// Random programs do to Deferreds what the model says they do: areas D, DC and DX.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/succeed.hpp>

#include "test/deferred/model/model.hpp"
#include "test/deferred/model/step.hpp"
#include "test/support/unhandled.hpp"

namespace marline::test {
namespace {

/// The name that the model has for an error.
std::string nameOf(const Failure& failure) {
    return failure.check<AlreadyCalledError>() != nullptr  ? "already"
           : failure.check<DeferredTypeError>() != nullptr ? "refused"
           : failure.check<std::logic_error>() != nullptr  ? "not paused"
                                                           : failure.message();
}

/// Does a program's steps to Deferreds.
class Real {
public:
    static Trace run(const Program& program) {
        CatchUnhandled unhandled;
        Real real(program);
        for (std::size_t i = 0; i < program.steps.size(); ++i) {
            real.step(static_cast<int>(i), program.steps[i]);
        }
        for (auto& view : real.views_) {
            view.reset();
        }
        std::vector<std::string> errors;
        for (const Failure& failure : unhandled.takeFailures()) {
            errors.push_back("unhandled " + nameOf(failure));
        }
        std::sort(errors.begin(), errors.end());
        real.trace_.insert(real.trace_.end(), errors.begin(), errors.end());
        return real.trace_;
    }

private:
    explicit Real(const Program& program) {
        for (const Canceller canceller : program.cancellers) {
            if (canceller == Canceller::None) {
                views_.emplace_back(std::in_place);
            } else {
                views_.emplace_back(Deferred<int>(
                    [canceller](Deferred<int> self) { callCanceller(canceller, self); }));
            }
        }
    }

    static void callCanceller(Canceller canceller, Deferred<int>& self) {
        if (canceller == Canceller::Fires) {
            self.callback(1000);
        } else if (canceller == Canceller::Fails) {
            self.errback(Error("of the canceller"));
        } else if (canceller == Canceller::Throws) {
            throw Error("thrown");
        }
    }

    void note(int id, const std::string& what) {
        trace_.push_back(std::to_string(id) + " " + what);
    }

    void step(int id, const Step& step) {
        auto& view = views_[static_cast<std::size_t>(step.on)];
        if (!view) {
            return;
        }
        try {
            switch (step.kind) {
            case Kind::Link: link(*view, id, step); break;
            case Kind::Fire: view->callback(id); break;
            case Kind::Fail: view->errback(Error("failed " + std::to_string(id))); break;
            case Kind::Pause: view->pause(); break;
            case Kind::Unpause: view->unpause(); break;
            case Kind::Cancel: view->cancel(); break;
            case Kind::Drop: view.reset(); break;
            }
        } catch (const std::exception&) {
            note(id, nameOf(Failure::current()));
        }
    }

    /// Adds a link that does what `step` says; each way to go on has a type of its own.
    void link(Deferred<int> d, int id, const Step& step) {
        const auto value = [id](const Result<int>& in) { return in.ok() ? in.value() + 1 : id; };
        auto* own = &views_[static_cast<std::size_t>(step.on)];
        auto* other = &views_[static_cast<std::size_t>(step.other)];
        switch (step.act) {
        case Act::Pass: return add(d, id, step.half, value);
        case Act::Throw:
            return add(d, id, step.half, [id](const Result<int>&) -> int {
                throw Error("thrown by " + std::to_string(id));
            });
        case Act::GiveFailure:
            return add(d, id, step.half, [id](const Result<int>&) {
                return Failure::make<Error>("given by " + std::to_string(id));
            });
        case Act::Wait:
            return add(d, id, step.half, [other, value](const Result<int>& in) {
                return *other ? **other : succeed(value(in));
            });
        case Act::WaitThrough:
            return add(d, id, step.half, [other, value](const Result<int>& in) {
                return *other ? succeed().addCallback([other] { return **other; })
                              : succeed(value(in));
            });
        case Act::AddLink:
            return addActing(d, id, step.half, own, [this, id, value](Deferred<int>& self) {
                add(self, id + 100, Half::Both,
                    [id, value](const Result<int>& in) { return in.ok() ? value(in) : id + 100; });
            });
        case Act::Pause:
            return addActing(d, id, step.half, own, [](Deferred<int>& self) { self.pause(); });
        case Act::FireOther:
            return addActing(d, id, step.half, other, [id](Deferred<int>& to) { to.callback(id); });
        case Act::CancelOther:
            return addActing(d, id, step.half, other, [](Deferred<int>& to) { to.cancel(); });
        }
    }

    /// Adds a link that does `act` to the Deferred at `target`, if it is still held, and gives a
    /// value.
    template <class F>
    void addActing(Deferred<int>& d, int id, Half half, std::optional<Deferred<int>>* target,
                   F act) {
        add(d, id, half, [id, target, act](const Result<int>& in) {
            if (*target) {
                act(**target);
            }
            return in.ok() ? in.value() + 1 : id;
        });
    }

    template <class F>
    void add(Deferred<int>& d, int id, Half half, F body) {
        const auto both = [this, id, body](const Result<int>& in) {
            note(id, in.ok() ? std::to_string(in.value()) : nameOf(in.failure()));
            return body(in);
        };
        const auto onValue = [both](int x) { return both(Result<int>(x)); };
        const auto onFailure = [both](const Failure& why) { return both(Result<int>(why)); };
        switch (half) {
        case Half::Value: d.addCallback(onValue); return;
        case Half::Failure: d.addErrback(onFailure); return;
        case Half::Pair: d.addCallbacks(onValue, onFailure); return;
        case Half::Both: d.addBoth(both); return;
        }
    }

    std::vector<std::optional<Deferred<int>>> views_;
    Trace trace_;
};

/// Any of 0 … count - 1, in small programs too: inRange() alone begins with the small ones.
rc::Gen<int> below(int count) {
    return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, count));
}

template <class T>
rc::Gen<T> oneOf(int count) {
    return rc::gen::map(below(count), [](int i) { return static_cast<T>(i); });
}

rc::Gen<Step> anyStep() {
    // Links half of the time: without them nothing shows.
    const auto anyKind = rc::gen::map(
        below(12), [](int i) { return i < 6 ? Kind::Link : static_cast<Kind>(i - 5); });
    return rc::gen::map(rc::gen::tuple(anyKind, oneOf<Half>(4), oneOf<Act>(9), below(kDeferreds),
                                       below(kDeferreds)),
                        [](const std::tuple<Kind, Half, Act, int, int>& all) {
                            const auto& [kind, half, act, on, other] = all;
                            return Step{kind, half, act, on, other};
                        });
}

rc::Gen<Program> anyProgram() {
    return rc::gen::map(
        rc::gen::pair(rc::gen::container<std::array<Canceller, kDeferreds>>(oneOf<Canceller>(5)),
                      rc::gen::container<std::vector<Step>>(anyStep())),
        [](std::pair<std::array<Canceller, kDeferreds>, std::vector<Step>> both) {
            return Program{both.first, std::move(both.second)};
        });
}

// Under AddressSanitizer a program takes ten times as long.
#if defined(__SANITIZE_ADDRESS__)
constexpr const char* kParameters = "seed=20260101 max_success=2000 max_size=100";
#else
constexpr const char* kParameters = "seed=20260101 max_success=20000 max_size=100";
#endif

// D-2 … D-24, DC-1 … DC-13, DX-1 … DX-12, DE-1, DE-2: whatever is done to a few Deferreds, in
// whatever order, shows what the model shows. RC_PARAMS="seed=… max_success=…" looks elsewhere.
TEST(DeferredModel, everyProgramShowsWhatTheModelShows) {
    ASSERT_EQ(setenv("RC_PARAMS", kParameters, 0), 0);
    EXPECT_TRUE(rc::check("every program shows what the model shows", [] {
        const Program program = *anyProgram();
        RC_ASSERT(Real::run(program) == Model::run(program));
    }));
}

// The model itself: one program that goes through most of it, with its trace written by hand.
TEST(DeferredModel, theModelDoesWhatIsWrittenByHand) {
    const Program program{{Canceller::None, Canceller::Fires, Canceller::None, Canceller::None},
                          {{Kind::Link, Half::Value, Act::Wait, 0, 1},
                           {Kind::Link, Half::Both, Act::Throw, 0, 0},
                           {Kind::Fire, Half::Value, Act::Pass, 0, 0},
                           {Kind::Link, Half::Value, Act::Pass, 1, 0},
                           {Kind::Cancel, Half::Value, Act::Pass, 0, 0},
                           {Kind::Cancel, Half::Value, Act::Pass, 2, 0},
                           {Kind::Fire, Half::Value, Act::Pass, 2, 0},
                           {Kind::Fail, Half::Value, Act::Pass, 2, 0},
                           {Kind::Unpause, Half::Value, Act::Pass, 3, 0}}};
    const Trace trace{"0 2",
                      "3 refused",
                      "1 1000",
                      "7 already",
                      "8 not paused",
                      "unhandled cancelled",
                      "unhandled thrown by 1"};
    EXPECT_EQ(Model::run(program), trace);
    EXPECT_EQ(Real::run(program), trace);
}

}  // namespace
}  // namespace marline::test
