// Internal: what DeferredList, gatherResults and race share: many Deferreds that lead to one.
#pragma once

#include <concepts>
#include <cstddef>
#include <source_location>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/unhandled.hpp>

namespace marline::detail {

/// The chains that a combination waits for. It does not own them: the links that refer back to the
/// combination lie in them, so that a forgotten input frees what waits for it.
class Inputs {
public:
    explicit Inputs(std::size_t count) : chains_(count, nullptr) {}

    void set(std::size_t index, Chain& chain) noexcept { chains_[index] = &chain; }
    /// The input has its result, or is gone.
    void clear(std::size_t index) noexcept { chains_[index] = nullptr; }

    /// Cancels, in order, every input without a result. What a canceller throws is reported, and
    /// the next one is cancelled. The caller keeps this alive.
    void cancel() noexcept {
        for (std::size_t i = 0; i < chains_.size(); ++i) {
            Chain* chain = chains_[i];
            if (chain == nullptr) {
                continue;
            }
            const std::source_location created = chain->created();
            try {
                chain->cancel();
            } catch (...) {
                reportUnhandled(Failure::current(), created);
            }
        }
    }

private:
    std::vector<Chain*> chains_;
};

/// One input's place in a combination; lives in the input's chain.
template <class State>
struct InputPlace {
    InputPlace(Ref<State> combination, std::size_t place) noexcept
        : state(std::move(combination)), index(place) {}
    InputPlace(InputPlace&&) noexcept = default;
    InputPlace& operator=(InputPlace&&) = delete;
    ~InputPlace() {
        if (state) {
            state->inputs.clear(index);
        }
    }

    Ref<State> state;
    std::size_t index;
};

/// A copy of an outcome, or the Failure of copying it.
template <class T>
Result<T> copyOf(const Result<T>& outcome) noexcept {
    try {
        return outcome;
    } catch (...) {
        return Failure::current();
    }
}

/// Calls `deliver(state, index, outcome)` with the input's outcome, which the input keeps as well
/// unless `consume` is set or T cannot be copied.
template <class T, class State, class Deliver>
void attach(Deferred<T> input, InputPlace<State> place, bool consume, Deliver deliver,
            const std::source_location& where) {
    place.state->inputs.set(place.index, input.chain());
    if constexpr (std::copy_constructible<Stored<T>>) {
        if (!consume) {
            input.addBoth(
                [place = std::move(place), deliver](Result<T> outcome) {
                    deliver(*place.state, place.index, copyOf(outcome));
                    return outcome;
                },
                where);
            return;
        }
    }
    input.addBoth(
        [place = std::move(place), deliver](Result<T> outcome) {
            deliver(*place.state, place.index, std::move(outcome));
        },
        where);
}

/// A DeferredSource for a State with `inputs`, which it is a part of: cancel() cancels the inputs,
/// and the Deferred fires when they have answered, which may be later.
template <class T, class State>
class PatientSource {
public:
    PatientSource(State& state, const std::source_location& where)
        : source_(
              [&state](Deferred<T>) {
                  const Ref<State> alive(&state);
                  state.inputs.cancel();
              },
              where) {
        source_.deferred().chain().answerCancelLater();
    }

    /// The Deferred; to be asked for before it fires.
    Deferred<T> deferred() const { return source_.deferred(); }
    bool pending() const noexcept { return source_.pending(); }
    void callback(T value) { source_.callback(std::move(value)); }
    void errback(Failure failure) { source_.errback(std::move(failure)); }

private:
    DeferredSource<T> source_;
};

}  // namespace marline::detail
