// Internal: the longer members of Deferred<T>, and the functions that make one.
#pragma once

#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/fire.hpp>

namespace marline {
namespace detail {

/// A canceller with its type, placed behind the source's value.
template <class T, class F>
class CancellerOf final : public Canceller {
public:
    explicit CancellerOf(F&& f) : f_(std::move(f)) {}
    void operator()(Chain& chain) override {
        chain.retain();
        f_(Deferred<T>::adopt(&chain));
    }

private:
    F f_;
};

constexpr std::size_t roundUp(std::size_t size) noexcept { return (size + 15) & ~std::size_t{15}; }

}  // namespace detail

template <class T>
template <class F>
    requires std::invocable<F&, Deferred<T>>
Deferred<T>::Deferred(F canceller, Site where)
    // Another constructor makes it whole, so that nothing leaks when moving the canceller throws.
    : Deferred(detail::Chain::create(
                   detail::typeOps<T>,
                   detail::roundUp(sizeof(detail::Stored<T>)) + sizeof(detail::CancellerOf<T, F>),
                   where),
               nullptr) {
    using Placed = detail::CancellerOf<T, F>;
    static_assert(alignof(Placed) <= 16,
                  "marline: a canceller may need no more than 16-byte "
                  "alignment");
    constexpr std::size_t offset = detail::roundUp(sizeof(detail::Stored<T>));
    void* at = static_cast<std::byte*>(chain_->sourceSlot()) + offset;
    chain_->setCanceller(::new (at) Placed(std::move(canceller)));
}

template <class T>
template <class E, class G>
Deferred<T> Deferred<T>::addErrback(G&& g, Site where) const {
    using F = std::decay_t<G>;
    static_assert(std::derived_from<E, std::exception>,
                  "marline: addErrback<E>(g) needs an E derived from std::exception; for other "
                  "types use addErrback(g) and Failure::check<E>()");
    // Not ||, which would ask a generic lambda about both.
    static_assert(
        std::disjunction_v<std::is_invocable<F&, const E&>, std::is_invocable<F&, const Failure&>>,
        "marline: addErrback<E>(g) needs a g that takes a const E& or a const Failure&");
    return addErrback(detail::ErrbackFor<E, F>{F(std::forward<G>(g))}, where);
}

template <class T>
Deferred<> Deferred<T>::chainDeferred(Deferred other, Site where) const {
    return addBoth([other = std::move(other)](
                       Result<T> outcome) mutable { detail::fire(other, std::move(outcome)); },
                   where);
}

template <class T>
template <class F, class G>
auto Deferred<T>::addCallbacks(F&& f, G&& g, Site where) const {
    static_assert(detail::CallWith<std::decay_t<F>, T>::valid,
                  "marline: the callback given to addCallbacks must take one T, or nothing on a "
                  "Deferred<>");
    static_assert(std::invocable<std::decay_t<G>&, const Failure&>,
                  "marline: the errback given to addCallbacks must take a Failure");
    using Out = detail::Yield<std::decay_t<F>, T>;
    static_assert(detail::errbackRecovers<std::decay_t<G>, Out>(),
                  "marline: both halves given to addCallbacks must lead to the same type: what "
                  "the errback returns must make what the callback returns, or be a Failure");
    return link<Out>(std::forward<F>(f), std::forward<G>(g), where);
}

template <class T>
template <class H>
auto Deferred<T>::addBoth(H&& h, Site where) const {
    using F = std::decay_t<H>;
    static_assert(std::invocable<F&, Result<T>&&>,
                  "marline: a function given to addBoth on Deferred<T> takes a Result<T>");
    using Out = detail::YieldOf<std::invoke_result_t<F&, Result<T>&&>, T>;
    return link<Out>(std::forward<H>(h), detail::SameAsValue{}, where);
}

}  // namespace marline
