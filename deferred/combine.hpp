// DeferredList: many Deferreds as one.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>

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

/// What the links on a list's inputs share. It does not own the inputs: the links lie in them.
template <class T>
class ListState final : public RefCounted {
public:
    ListState(std::size_t count, DeferredListOptions how, const std::source_location& where)
        : source([this](Deferred<std::vector<Result<T>>>) { cancelAll(); }, where),
          inputs(count, nullptr), results(count), missing(count), options(how) {
        all.reserve(count);  // now, because then it is too late to fail
    }

    void arrived(std::size_t index, Result<T> outcome) {
        inputs[index] = nullptr;
        --missing;
        if (!outcome.ok() && options.fireOnOneErrback && source.pending()) {
            source.errback(Failure::make<FirstError>(outcome.failure(), index));
        }
        results[index].emplace(std::move(outcome));
        fireIfDone();
    }

    void fireIfDone() {
        if (missing != 0 || !source.pending()) {
            return;
        }
        for (auto& result : results) {
            all.push_back(std::move(*result));
        }
        source.callback(std::move(all));
    }

    /// Throws what a canceller of an input throws, after all have been cancelled.
    void cancelAll() {
        const Ref<ListState> alive(this);
        std::exception_ptr thrown;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (inputs[i] == nullptr) {
                continue;
            }
            try {
                inputs[i]->cancel();
            } catch (...) {
                thrown = std::current_exception();
            }
        }
        if (thrown != nullptr) {
            std::rethrow_exception(thrown);
        }
    }

    DeferredSource<std::vector<Result<T>>> source;
    std::vector<Chain*> inputs;  // null once the input has its result or is gone
    std::vector<std::optional<Result<T>>> results;
    std::vector<Result<T>> all;  // what it fires with
    std::size_t missing;
    DeferredListOptions options;
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

/// One input's place in the list; lives in the input's chain.
template <class T>
struct ListPlace {
    ListPlace(Ref<ListState<T>> list, std::size_t place) noexcept
        : state(std::move(list)), index(place) {}
    ListPlace(ListPlace&&) noexcept = default;
    ~ListPlace() {
        if (state) {
            state->inputs[index] = nullptr;
        }
    }

    Ref<ListState<T>> state;
    std::size_t index;
};

}  // namespace detail

/// Waits for all of `list` and fires with their outcomes in the list's order (Twisted:
/// `DeferredList`); an empty list fires at once.
///
/// The inputs stay usable: each gets a link that copies its outcome to the list and passes it on,
/// so a Failure remains in its input as well, to be handled there or else reported, unless
/// `.consumeErrors` is set. When T cannot be copied the outcome always moves to the list.
/// Cancelling the list cancels every input that has no result yet; the list itself then fires as
/// they do. Throws std::bad_alloc when there is no memory for the list; the inputs stay usable.
///
///     DeferredList(pages).addCallback([](const std::vector<Result<Page>>& all) { … });
// Twisted's name, which is a class there.
template <class T>
Deferred<std::vector<Result<T>>> DeferredList(  // NOLINT(readability-identifier-naming)
    const std::vector<Deferred<T>>& list, DeferredListOptions options = {},
    std::source_location where = std::source_location::current()) {
    auto state = makeRef<detail::ListState<T>>(list.size(), options, where);
    Deferred<std::vector<Result<T>>> whole = state->source.deferred();
    for (std::size_t i = 0; i < list.size(); ++i) {
        Deferred<T> input = list[i];
        state->inputs[i] = &input.chain();
        detail::ListPlace<T> place(state, i);
        if constexpr (std::copy_constructible<detail::Stored<T>>) {
            if (!options.consumeErrors) {
                input.addBoth(
                    [place = std::move(place)](Result<T> outcome) {
                        place.state->arrived(place.index, detail::copyOf(outcome));
                        return outcome;
                    },
                    where);
                continue;
            }
        }
        input.addBoth(
            [place = std::move(place)](Result<T> outcome) {
                place.state->arrived(place.index, std::move(outcome));
            },
            where);
    }
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
