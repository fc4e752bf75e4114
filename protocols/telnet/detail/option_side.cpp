#include <marline/protocols/telnet/detail/option_side.hpp>

#include <utility>

#include <marline/deferred/succeed.hpp>

namespace marline::telnet::detail {

Deferred<> OptionSide::ask(Option option, bool enable, Step& step) {
    const State wanted = enable ? State::Yes : State::No;
    if (state_ == wanted) {
        return enable ? fail(AlreadyEnabled(option)) : fail(AlreadyDisabled(option));
    }
    DeferredSource<> source;
    Deferred<> answer = source.deferred();
    if (state_ == State::No || state_ == State::Yes) {
        state_ = enable ? State::WantYes : State::WantNo;
        asked_ = std::move(source);
        step.say = enable;
        return answer;
    }
    if (queued_.has_value() || state_ == (enable ? State::WantYes : State::WantNo)) {
        return fail(AlreadyNegotiating(option));
    }
    queued_ = std::move(source);
    return answer;
}

OptionSide::Step OptionSide::hear(bool enable) {
    Step step;
    switch (state_) {
    case State::No: step.proposed = enable; return step;
    case State::Yes:
        if (!enable) {
            state_ = State::No;
            step.enabled = step.say = false;
        }
        return step;
    case State::WantYes: return enabledOrRefused(enable);
    case State::WantNo: break;
    }
    return disabled(enable);
}

/// The peer has answered what asked it to turn the option on.
OptionSide::Step OptionSide::enabledOrRefused(bool enabled) {
    Step step;
    step.asked = std::exchange(asked_, std::nullopt);
    step.refused = !enabled;
    if (!enabled) {
        state_ = State::No;
        step.queued = std::exchange(queued_, std::nullopt);  // off it is
        return step;
    }
    state_ = State::Yes;
    step.enabled = true;
    if (queued_.has_value()) {
        askQueued(State::WantNo, step);
    }
    return step;
}

/// The peer has answered what told it that the option is to be off. It may not refuse that; one
/// that does so all the same is taken at its word when this end wants the option again.
OptionSide::Step OptionSide::disabled(bool refused) {
    Step step;
    step.asked = std::exchange(asked_, std::nullopt);
    if (refused && queued_.has_value()) {
        state_ = State::Yes;
        step.queued = std::exchange(queued_, std::nullopt);
        return step;
    }
    state_ = State::No;
    step.enabled = false;
    if (queued_.has_value()) {
        askQueued(State::WantYes, step);
    }
    return step;
}

void OptionSide::askQueued(State state, Step& step) {
    state_ = state;
    asked_ = std::exchange(queued_, std::nullopt);
    step.say = state == State::WantYes;
}

OptionSide::Step OptionSide::decide(bool accepted) {
    // Whoever was asked to decide may have asked for the option meanwhile: that was the answer.
    if (state_ == State::WantYes) {
        return enabledOrRefused(true);
    }
    Step step;
    if (state_ == State::No) {
        state_ = accepted ? State::Yes : State::No;
        step.say = accepted;
    }
    return step;
}

void OptionSide::lose(const Failure& reason) {
    std::optional<DeferredSource<>> first = std::exchange(asked_, std::nullopt);
    std::optional<DeferredSource<>> second = std::exchange(queued_, std::nullopt);
    for (auto* source : {&first, &second}) {
        if (source->has_value()) {
            (*source)->errback(reason);
        }
    }
}

}  // namespace marline::telnet::detail
