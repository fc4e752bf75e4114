#include "test/deferred/model/model.hpp"

#include <algorithm>
#include <utility>

namespace marline::test {

Model::Model(const Program& program) {
    for (const Canceller canceller : program.cancellers) {
        chains_.emplace_back().canceller = canceller;
    }
}

Trace Model::run(const Program& program) {
    Model model(program);
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        model.step(static_cast<int>(i), program.steps[i]);
    }
    for (int i = 0; i < kDeferreds; ++i) {
        model.drop(i);
    }
    std::sort(model.unhandled_.begin(), model.unhandled_.end());
    model.trace_.insert(model.trace_.end(), model.unhandled_.begin(), model.unhandled_.end());
    return model.trace_;
}

void Model::note(int id, const std::string& what) {
    trace_.push_back(std::to_string(id) + " " + what);
}

void Model::step(int id, const Step& step) {
    if (!at(step.on).held) {
        return;
    }
    try {
        switch (step.kind) {
        case Kind::Link: link(step.on, {id, step.half, step.act, step.other}); break;
        case Kind::Fire: fire(step.on, {"", id}); break;
        case Kind::Fail: fire(step.on, {"failed " + std::to_string(id)}); break;
        case Kind::Pause: pause(step.on); break;
        case Kind::Unpause: unpause(step.on); break;
        case Kind::Cancel: cancel(step.on); break;
        case Kind::Drop: drop(step.on); break;
        }
    } catch (const std::string& thrown) {
        note(id, thrown);
    }
    collect();
}

// D-3: runs at once when there is a result, unless (D-15) a link of this chain is running.
void Model::link(int on, const Link& link) {
    Chain& chain = at(on);
    if (claimed(chain)) {  // DC-4, DC-6: its result belongs to another one
        throw std::string("refused");
    }
    chain.links.push_back(link);
    goOn(on);
}

// D-20: once. DX-2: but one firing after a cancel without a canceller is ignored.
void Model::fire(int on, const Outcome& outcome) {
    Chain& chain = at(on);
    if (chain.fired) {
        if (chain.grace) {
            chain.grace = false;
            return;
        }
        throw std::string("already");
    }
    chain.fired = true;
    chain.canceller = Canceller::None;  // D-22
    chain.result = outcome;
    goOn(on);
}

// D-24: counts.
void Model::unpause(int on) {
    Chain& chain = at(on);
    if (chain.pauses == 0) {
        throw std::string("not paused");
    }
    if (--chain.pauses == 0) {
        goOn(on);
    }
}

void Model::cancel(int on) {
    while (at(on).waiting && at(on).waitsFor >= 0) {
        on = at(on).waitsFor;  // DX-9
    }
    Chain& chain = at(on);
    if (chain.waiting) {
        chain.waiting = false;  // what it waited for is gone
        chain.result = Outcome{"cancelled"};
        goOn(on);
        return;
    }
    if (chain.fired) {
        return;  // DX-8
    }
    switch (chain.canceller) {
    case Canceller::None:
        chain.grace = true;  // DX-2
        break;
    case Canceller::Quiet: break;
    case Canceller::Fires:
        fire(on, {"", 1000});  // DX-4
        return;
    case Canceller::Fails: fire(on, {"of the canceller"}); return;
    case Canceller::Throws: throw std::string("thrown");  // DX-11
    }
    fire(on, {"cancelled"});  // DX-1, DX-5
}

void Model::drop(int on) {
    at(on).held = false;
    collect();
}

bool Model::idle(const Chain& chain) const {
    return chain.result && chain.links.empty() && chain.pauses == 0 && !chain.running;
}

// D-2: links run in order, on each other's results, and (D-17) once each.
void Model::goOn(int on) {
    Chain& chain = at(on);
    if (chain.running) {
        return;  // D-15
    }
    while (chain.result && !chain.links.empty() && chain.pauses == 0) {
        const Link next = chain.links.front();
        chain.links.pop_front();
        const bool failed = !chain.result->error.empty();
        const bool runs = next.half == Half::Pair || next.half == Half::Both ||
                          (next.half == Half::Failure) == failed;
        if (runs) {  // D-5: or else the result passes
            chain.running = true;
            runLink(on, next);
            chain.running = false;
        }
    }
    if (chain.taker >= 0 && idle(chain)) {
        const int taker = std::exchange(chain.taker, -1);  // DC-1, DC-3
        at(taker).waiting = false;
        at(taker).waitsFor = -1;
        at(taker).result = std::exchange(chain.result, std::nullopt);
        chain.moved = true;  // DC-4, DC-5
        goOn(taker);         // DC-8
    }
    collect();
}

void Model::runLink(int on, const Link& link) {
    Chain& chain = at(on);
    const Outcome in = *chain.result;
    note(link.id, in.error.empty() ? std::to_string(in.value) : in.error);
    Outcome out{"", in.error.empty() ? in.value + 1 : link.id};  // D-12
    try {
        switch (link.act) {
        case Act::Pass: break;
        case Act::Throw:  // D-10
            out.error = "thrown by " + std::to_string(link.id);
            break;
        case Act::GiveFailure:  // D-11
            out.error = "given by " + std::to_string(link.id);
            break;
        case Act::Wait:
            if (at(link.other).held) {
                wait(on, link.other);
                return;
            }
            break;
        case Act::WaitThrough:
            if (at(link.other).held) {
                const int made = newForwarding(link.other);
                wait(on, made);
                at(made).held = false;
                return;
            }
            break;
        case Act::AddLink:
            if (chain.held) {
                this->link(on, {link.id + 100, Half::Both, Act::Pass, 0});
            }
            break;
        case Act::Pause:
            if (chain.held) {
                pause(on);
            }
            break;
        case Act::FireOther:
            if (at(link.other).held) {
                fire(link.other, {"", link.id});
            }
            break;
        case Act::CancelOther:
            if (at(link.other).held) {
                cancel(link.other);
            }
            break;
        }
    } catch (const std::string& thrown) {
        out.error = thrown;
    }
    chain.result = out;
}

void Model::wait(int on, int other) {
    Chain& chain = at(on);
    for (int next = other; next >= 0; next = at(next).waitsFor) {
        if (next == on) {  // DC-13
            chain.result = Outcome{"refused"};
            return;
        }
    }
    Chain& inner = at(other);
    if (claimed(inner)) {  // DC-7
        chain.result = Outcome{"refused"};
    } else if (idle(inner)) {  // DC-2
        chain.result = std::exchange(inner.result, std::nullopt);
        inner.moved = true;
    } else {  // DC-1, DC-11
        chain.result.reset();
        chain.waiting = true;
        chain.waitsFor = other;
        inner.taker = on;
    }
}

/// A fired Deferred whose only link returned `other`.
int Model::newForwarding(int other) {
    const int made = static_cast<int>(chains_.size());
    Chain& chain = chains_.emplace_back();
    chain.fired = true;
    chain.result = Outcome{};
    wait(made, other);
    return made;
}

/// DE-2: whether anybody is left who could do something with it, or whom it is waiting for.
bool Model::owned(int on) {
    for (int next = on; next >= 0; next = at(next).waitsFor) {
        if (at(next).held || at(next).running) {
            return true;
        }
    }
    return false;
}

/// DE-1: reports the Failures of what nobody can reach any more.
void Model::collect() {
    bool again = true;
    while (again) {
        again = false;
        for (int i = 0; i < static_cast<int>(chains_.size()); ++i) {
            Chain& chain = at(i);
            if (chain.gone || owned(i)) {
                continue;
            }
            chain.gone = true;
            again = true;
            if (chain.result && !chain.result->error.empty()) {
                unhandled_.push_back("unhandled " + chain.result->error);
            }
            if (chain.taker >= 0) {
                at(chain.taker).waitsFor = -1;
            }
        }
    }
}

}  // namespace marline::test
