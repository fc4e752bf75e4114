// What a program of steps does, written down from the numbered behaviours and nothing else: no
// types, no memory, no speed.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "test/deferred/model/step.hpp"

namespace marline::test {

/// Does a program's steps as Twisted's Deferred would, but for what
/// docs/differences-from-twisted.md says: a result has one taker.
class Model {
public:
    /// All that the program shows, the unhandled errors sorted at the end.
    static Trace run(const Program& program);

private:
    struct Outcome {
        std::string error;  // none when there is a value
        int value = 0;
    };
    struct Link {
        int id;
        Half half;
        Act act;
        int other;
    };
    struct Chain {
        std::deque<Link> links;
        std::optional<Outcome> result;
        Canceller canceller = Canceller::None;
        bool fired = false;
        bool grace = false;  // the next firing is ignored
        bool held = true;    // somebody has a view of it
        bool running = false;
        bool waiting = false;
        bool moved = false;  // its result went to another one
        bool gone = false;   // nobody can reach it any more
        int pauses = 0;
        int waitsFor = -1;  // -1 while waiting: for one that is gone
        int taker = -1;     // who waits for it
    };

    explicit Model(const Program& program);

    Chain& at(int place) { return chains_[static_cast<std::size_t>(place)]; }

    void step(int id, const Step& step);
    void link(int on, const Link& link);
    void fire(int on, const Outcome& outcome);
    void pause(int on) { ++at(on).pauses; }
    void unpause(int on);
    void cancel(int on);
    void drop(int on);

    void goOn(int on);
    void runLink(int on, const Link& link);
    void wait(int on, int other);
    int newForwarding(int other);
    bool idle(const Chain& chain) const;
    bool claimed(const Chain& chain) const { return chain.taker >= 0 || chain.moved; }
    bool owned(int on);
    void collect();
    void note(int id, const std::string& what);

    std::deque<Chain> chains_;  // a deque, because new ones come while others run
    Trace trace_;
    Trace unhandled_;
};

}  // namespace marline::test
