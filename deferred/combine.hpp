// DeferredList: many Deferreds as one.
#pragma once

#include <cstddef>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/inputs.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

/// The first failure of a DeferredList with fireOnOneErrback (Twisted: `defer.FirstError`).
class MARLINE_API FirstError : public Error {
public:
    FirstError(Failure failure, std::size_t place)
        : Error("Deferred " + std::to_string(place) + " of the list failed: " + failure.brief()),
          subFailure(std::move(failure)), index(place) {}

    /// What failed.
    Failure subFailure;
    /// Its place in the list.
    std::size_t index;

    /// True when both have the same place and share the failure.
    friend bool operator==(const FirstError& a, const FirstError& b) noexcept {
        return a.index == b.index && a.subFailure == b.subFailure;
    }
};

/// How a DeferredList treats failures.
struct DeferredListOptions {
    /// Fail with FirstError at the first failure instead of waiting for all.
    bool fireOnOneErrback = false;
    /// Take each input's outcome away, so that its Failure is not reported as unhandled: the
    /// inputs yield nothing afterwards, and their views go stale.
    bool consumeErrors = false;
};

namespace detail {

/// What the links on a list's inputs share.
template <class T>
class ListState final : public RefCounted {
public:
    using Outcomes = std::vector<Result<T>>;

    ListState(std::size_t count, DeferredListOptions how, const std::source_location& where)
        : inputs(count), results_(count), missing_(count), options_(how), source(*this, where) {
        all_.reserve(count);  // now, because then it is too late to fail
    }

    void arrived(std::size_t index, Result<T> outcome) {
        inputs.clear(index);
        --missing_;
        if (!outcome.ok() && options_.fireOnOneErrback && source.pending()) {
            source.errback(Failure::make<FirstError>(outcome.failure(), index));
        }
        results_[index].emplace(std::move(outcome));
        fireIfDone();
    }

    void fireIfDone() {
        if (missing_ != 0 || !source.pending()) {
            return;
        }
        for (auto& result : results_) {
            all_.push_back(std::move(*result));
        }
        source.callback(std::move(all_));
    }

    Inputs inputs;

private:
    std::vector<std::optional<Result<T>>> results_;
    Outcomes all_;  // what it fires with
    std::size_t missing_;
    DeferredListOptions options_;

public:
    // Last, so that it goes first: nobody can cancel what is half gone.
    PatientSource<Outcomes, ListState> source;
};

}  // namespace detail

/// Waits for all of `list` and fires with their outcomes in the list's order (Twisted:
/// `DeferredList`); an empty list fires at once.
///
/// The inputs stay usable: each gets a link that copies its outcome to the list and passes it on,
/// so a Failure remains in its input as well, to be handled there or else reported, unless
/// `.consumeErrors` is set. When T cannot be copied the outcome always moves to the list.
/// Cancelling the list cancels, in order, every input that has no result yet, and the list fires by
/// its rule when they have answered; what one of their cancellers throws is reported as unhandled.
/// Cancelling a list that has fired leaves the other inputs alone. Throws std::bad_alloc when there
/// is no memory for the list, and DeferredTypeError, which names the place, when an input's view is
/// stale, or an input whose outcome moves is there twice; the inputs are then as they were, but for
/// one that is there twice when the memory lasts for one of its links only.
///
/// Twisted's fireOnOneCallback, which changes what the list yields, is firstCallback().
///
///     DeferredList(pages).addCallback([](const std::vector<Result<Page>>& all) { … });
// Twisted's name, which is a class there.
template <class T>
Deferred<std::vector<Result<T>>> DeferredList(  // NOLINT(readability-identifier-naming)
    const std::vector<Deferred<T>>& list, DeferredListOptions options = {},
    std::source_location where = std::source_location::current()) {
    auto state = makeRef<detail::ListState<T>>(list.size(), options, where);
    Deferred<std::vector<Result<T>>> whole = state->source.deferred();
    detail::attachAll(
        list, state, options.consumeErrors,
        [](auto& all, std::size_t index, Result<T> outcome) {
            all.arrived(index, std::move(outcome));
        },
        where);
    state->fireIfDone();
    return whole;
}

/// Makes one outcome of a DeferredList's: the first Failure, else nothing. As a callback:
/// `DeferredList(list, {.consumeErrors = true}).addCallback(firstFailure<T>)`.
template <class T>
Result<> firstFailure(const std::vector<Result<T>>& outcomes) {
    for (const Result<T>& outcome : outcomes) {
        if (!outcome.ok()) {
            return outcome.failure();
        }
    }
    return {};
}

}  // namespace marline
