// race and firstCallback: the first of many Deferreds that succeeds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/inputs.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

/// All of many Deferreds failed (Twisted: `defer.FailureGroup`).
class MARLINE_API FailureGroup : public Error {
public:
    explicit FailureGroup(std::vector<Failure> all)
        : Error(describe(all)), failures(std::move(all)) {}

    /// What each failed with, in the order of the list; empty when the list was.
    std::vector<Failure> failures;

private:
    static std::string describe(const std::vector<Failure>& all) {
        if (all.empty()) {
            return "no Deferred to wait for: the list is empty";
        }
        std::string text = "all " + std::to_string(all.size()) + " Deferreds failed";
        for (std::size_t i = 0; i < all.size(); ++i) {
            text += (i == 0 ? ": [" : "; [") + std::to_string(i) + "] " + all[i].brief();
        }
        return text;
    }
};

/// The first success of many Deferreds. Twisted's race() gives (index, value), its DeferredList
/// with fireOnOneCallback (value, index).
template <class T>
struct Winner {
    /// Its place in the list.
    std::size_t index;
    /// Its value; a Unit for a Deferred<>.
    detail::Stored<T> value;
};

namespace detail {

/// What becomes of the inputs that are not the first.
struct RaceRules {
    bool cancelLosers;
    bool fireOnOneErrback;
};

/// What the links on the inputs of a race share.
template <class T>
class RaceState final : public RefCounted {
public:
    RaceState(std::size_t count, RaceRules rules, const std::source_location& where)
        : inputs(count), failures_(count, Failure::adopt(nullptr)), missing_(count), rules_(rules),
          source(*this, where) {}

    void arrived(std::size_t index, Result<T> outcome) {
        inputs.clear(index);
        --missing_;
        if (decided_) {
            return;
        }
        if (outcome.ok()) {
            decided_ = true;
            cancelLosers();
            source.callback(Winner<T>{index, std::move(outcome).value()});
        } else if (rules_.fireOnOneErrback) {
            decided_ = true;
            source.errback(Failure::make<FirstError>(outcome.failure(), index));
        } else {
            failures_[index] = outcome.failure();
            failIfNobodyIsLeft();
        }
    }

    /// To be called when all inputs are there: the race may be over before the last one is.
    void allAttached() {
        if (decided_) {
            cancelLosers();
        } else {
            failIfNobodyIsLeft();
        }
    }

    Inputs inputs;

private:
    void cancelLosers() noexcept {
        if (rules_.cancelLosers) {
            inputs.cancel();
        }
    }

    void failIfNobodyIsLeft() {
        if (missing_ != 0 || decided_) {
            return;
        }
        decided_ = true;
        source.errback(Failure::make<FailureGroup>(std::move(failures_)));
    }

    std::vector<Failure> failures_;  // each nothing until its input has failed
    std::size_t missing_;
    RaceRules rules_;
    bool decided_ = false;

public:
    // Last, so that it goes first: nobody can cancel what is half gone.
    PatientSource<Winner<T>, RaceState> source;
};

template <class T>
Deferred<Winner<T>> startRace(const std::vector<Deferred<T>>& list, RaceRules rules, bool consume,
                              const std::source_location& where) {
    auto state = makeRef<RaceState<T>>(list.size(), rules, where);
    Deferred<Winner<T>> whole = state->source.deferred();
    for (std::size_t i = 0; i < list.size(); ++i) {
        attach(
            list[i], InputPlace(state, i), consume,
            [](auto& shared, std::size_t index, Result<T> outcome) {
                shared.arrived(index, std::move(outcome));
            },
            where);
    }
    state->allAttached();
    return whole;
}

}  // namespace detail

/// Fires with the first success, and cancels all other inputs before it does (Twisted: `race`).
///
/// It fails only when all of `list` failed, with a FailureGroup; an empty list fails at once. It
/// takes the inputs' outcomes: what a loser yields later is ignored, and the inputs' views go
/// stale. Cancelling the race cancels every input that has no result yet.
///
///     race(mirrors).addCallback([](Winner<Page> first) { … });
template <class T>
Deferred<Winner<T>> race(const std::vector<Deferred<T>>& list,
                         std::source_location where = std::source_location::current()) {
    return detail::startRace(list, {.cancelLosers = true, .fireOnOneErrback = false}, true, where);
}

/// Fires with the first success and lets the other inputs go on; later outcomes are ignored
/// (Twisted: `DeferredList(list, fireOnOneCallback=True)`).
///
/// It fails with FirstError at the first failure when `.fireOnOneErrback` is set, else with a
/// FailureGroup when all of `list` failed; an empty list fails at once. The inputs stay usable, as
/// those of DeferredList, unless `.consumeErrors` is set. Cancelling it cancels every input that
/// has no result yet.
template <class T>
Deferred<Winner<T>> firstCallback(const std::vector<Deferred<T>>& list,
                                  DeferredListOptions options = {},
                                  std::source_location where = std::source_location::current()) {
    return detail::startRace(list,
                             {.cancelLosers = false, .fireOnOneErrback = options.fireOnOneErrback},
                             options.consumeErrors, where);
}

}  // namespace marline
