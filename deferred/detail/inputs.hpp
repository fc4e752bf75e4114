// Internal: what DeferredList, gatherResults and race share: many Deferreds that lead to one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/copyable.hpp>
#include <marline/deferred/errors.hpp>
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

    /// Those whose outcome will be taken were set, all will be attached. Throws DeferredTypeError
    /// when one is there twice.
    void prepared() {
        if (std::any_of(chains_.begin(), chains_.end(), [](Chain* c) { return c != nullptr; })) {
            refuseTwice();
            std::fill(chains_.begin(), chains_.end(), nullptr);
        }
    }

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
    void refuseTwice() const {
        std::vector<Chain*> sorted = chains_;
        std::erase(sorted, nullptr);
        std::sort(sorted.begin(), sorted.end());
        const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
        if (twice == sorted.end()) {
            return;
        }
        const auto first = std::find(chains_.begin(), chains_.end(), *twice);
        const auto second = std::find(first + 1, chains_.end(), *twice);
        throw DeferredTypeError(
            "Deferred " + std::to_string(second - chains_.begin()) + " of the list is Deferred " +
            std::to_string(first - chains_.begin()) + " again: its outcome can be taken once");
    }

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

/// The link that takes an input's outcome to its combination.
template <class T, class State, class Deliver>
struct TakingLink {
    InputPlace<State> place;
    Deliver deliver;

    void operator()(Result<T> outcome) { deliver(*place.state, place.index, std::move(outcome)); }
};

/// The link that takes a copy of it.
template <class T, class State, class Deliver>
struct CopyingLink {
    InputPlace<State> place;
    Deliver deliver;

    Result<T> operator()(Result<T> outcome) {
        deliver(*place.state, place.index, copyOf(outcome));
        return outcome;
    }
};

/// Finds out that an input can be attached, and gets the memory for that. Throws DeferredTypeError,
/// which names the place, when it cannot; the input is as it was.
template <class T, class State, class Deliver>
void prepare(const Deferred<T>& input, State& state, std::size_t index, bool consume,
             const Deliver&) {
    using Taking = LinkOf<T, void, TakingLink<T, State, Deliver>, SameAsValue>;
    using Copying = LinkOf<T, T, CopyingLink<T, State, Deliver>, SameAsValue>;
    try {
        input.chain().beginLink(typeOps<T>, std::max(Taking::size(), Copying::size()));
    } catch (const DeferredTypeError& error) {
        throw DeferredTypeError("Deferred " + std::to_string(index) +
                                " of the list: " + error.what());
    }
    if (consume || !copyable<Stored<T>>) {
        state.inputs.set(index, input.chain());
    }
}

/// Calls `deliver(state, index, outcome)` with the outcome of an input that is prepared. The input
/// keeps it as well unless it is taken.
template <class T, class State, class Deliver>
void attach(Deferred<T> input, InputPlace<State> place, bool consume, Deliver deliver,
            const std::source_location& where) {
    place.state->inputs.set(place.index, input.chain());
    if constexpr (copyable<Stored<T>>) {
        if (!consume) {
            input.addBoth(CopyingLink<T, State, Deliver>{std::move(place), deliver}, where);
            return;
        }
    }
    input.addBoth(TakingLink<T, State, Deliver>{std::move(place), deliver}, where);
}

/// Attaches all of `list`, or throws and leaves them as they were.
template <class T, class State, class Deliver>
void attachAll(const std::vector<Deferred<T>>& list, const Ref<State>& state, bool consume,
               Deliver deliver, const std::source_location& where) {
    for (std::size_t i = 0; i < list.size(); ++i) {
        prepare(list[i], *state, i, consume, deliver);
    }
    state->inputs.prepared();
    for (std::size_t i = 0; i < list.size(); ++i) {
        attach(list[i], InputPlace(state, i), consume, deliver, where);
    }
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
