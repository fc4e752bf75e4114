// gatherResults: the values of many Deferreds, or the first failure.
#pragma once

#include <cstddef>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <marline/deferred/combine.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/inputs.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

/// How gatherResults treats failures.
struct GatherOptions {
    /// Take each input's outcome away, as DeferredListOptions::consumeErrors does.
    bool consumeErrors = false;
};

/// Waits for all of `list` and fires with their values in the list's order, or fails with
/// FirstError at the first failure (Twisted: `gatherResults`). Deferreds without a value gather to
/// one without a value.
///
/// The inputs stay usable, and go on when one of them has failed, as in DeferredList. Cancelling
/// the result cancels every input that has no result yet.
///
///     gatherResults(pages).addCallback([](const std::vector<Page>& all) { … });
template <class T>
auto gatherResults(const std::vector<Deferred<T>>& list, GatherOptions options = {},
                   std::source_location where = std::source_location::current()) {
    auto all = DeferredList(
        list, {.fireOnOneErrback = true, .consumeErrors = options.consumeErrors}, where);
    if constexpr (std::is_void_v<T>) {
        return all.addCallback([](const std::vector<Result<T>>&) {}, where);
    } else {
        return all.addCallback(
            [](std::vector<Result<T>> outcomes) {
                std::vector<T> values;
                values.reserve(outcomes.size());
                for (Result<T>& outcome : outcomes) {
                    values.push_back(std::move(outcome).value());
                }
                return values;
            },
            where);
    }
}

namespace detail {

/// What the links on the inputs of a tuple share.
template <class... Ts>
class TupleState final : public RefCounted {
public:
    using Values = std::tuple<Stored<Ts>...>;

    explicit TupleState(const std::source_location& where)
        : inputs(sizeof...(Ts)), source(*this, where) {}

    template <std::size_t I, class T>
    void arrived(Result<T> outcome) {
        inputs.clear(I);
        if (!source.pending()) {
            return;
        }
        if (!outcome.ok()) {
            source.errback(Failure::make<FirstError>(outcome.failure(), I));
            return;
        }
        std::get<I>(values_).emplace(std::move(outcome).value());
        if (--missing_ == 0) {
            source.callback(
                std::apply([](auto&... value) { return Values(std::move(*value)...); }, values_));
        }
    }

    Inputs inputs;

private:
    std::tuple<std::optional<Stored<Ts>>...> values_;
    std::size_t missing_ = sizeof...(Ts);

public:
    // Last, so that it goes first: nobody can cancel what is half gone.
    PatientSource<Values, TupleState> source;
};

}  // namespace detail

/// The same for Deferreds of different types: fires with the tuple of their values. A Deferred<>
/// gives a Unit.
///
///     gatherResults(std::tuple{page, user}, {.consumeErrors = true});
template <class... Ts>
Deferred<std::tuple<detail::Stored<Ts>...>> gatherResults(
    const std::tuple<Deferred<Ts>...>& all, GatherOptions options = {},
    std::source_location where = std::source_location::current()) {
    static_assert(sizeof...(Ts) != 0, "marline: gatherResults() needs a Deferred to wait for");
    auto state = makeRef<detail::TupleState<Ts...>>(where);
    Deferred<std::tuple<detail::Stored<Ts>...>> whole = state->source.deferred();
    const auto attachAll = [&]<std::size_t... I>(std::index_sequence<I...>) {
        (detail::attach(
             std::get<I>(all), detail::InputPlace(state, I), options.consumeErrors,
             [](auto& shared, std::size_t, Result<Ts> outcome) {
                 shared.template arrived<I>(std::move(outcome));
             },
             where),
         ...);
    };
    attachAll(std::index_sequence_for<Ts...>());
    return whole;
}

/// The same for two, three or four Deferreds, each of which keeps its own failure.
///
///     gatherResults(page, user).addCallback([](std::tuple<Page, User> both) { … });
template <class A, class B>
auto gatherResults(Deferred<A> a, Deferred<B> b,
                   std::source_location where = std::source_location::current()) {
    return gatherResults(std::tuple(std::move(a), std::move(b)), {}, where);
}
template <class A, class B, class C>
auto gatherResults(Deferred<A> a, Deferred<B> b, Deferred<C> c,
                   std::source_location where = std::source_location::current()) {
    return gatherResults(std::tuple(std::move(a), std::move(b), std::move(c)), {}, where);
}
template <class A, class B, class C, class D>
auto gatherResults(Deferred<A> a, Deferred<B> b, Deferred<C> c, Deferred<D> d,
                   std::source_location where = std::source_location::current()) {
    return gatherResults(std::tuple(std::move(a), std::move(b), std::move(c), std::move(d)), {},
                         where);
}

}  // namespace marline
