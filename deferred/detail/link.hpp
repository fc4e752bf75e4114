// Internal: one callback/errback pair with its types, as it lies in a chain.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/detail/chain.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

template <class T>
class Deferred;

namespace detail {

/// The half of a link that is not there: the result passes it by.
struct PassBy {};
/// The errback half of addBoth(): the other half's callable runs, on a Result.
struct SameAsValue {};

/// An errback that sees only Failures that hold an E, as E or as Failure; others pass by.
template <class E, class G>
struct ErrbackFor {
    // Asked this way round because an E converts to a Failure, a new one without its path.
    static constexpr bool kTakesError = !std::invocable<G&, const Failure&>;

    G g;

    static bool matches(const Failure& failure) noexcept { return failure.check<E>() != nullptr; }
    decltype(auto) operator()(const Failure& failure) {
        if constexpr (kTakesError) {
            return std::invoke(g, *failure.check<E>());
        } else {
            return std::invoke(g, failure);
        }
    }
};

template <class T>
std::type_identity<T> valueOf(const Deferred<T>*);
template <class T>
std::type_identity<T> valueOf(const Result<T>*);

template <class R>
inline constexpr bool isResult = false;
template <class T>
inline constexpr bool isResult<Result<T>> = true;
/// Whether R is a Deferred, or derives from one.
template <class R>
inline constexpr bool isDeferred = !isResult<R> && requires(R* r) { valueOf(r); };

/// What a callback's return type, by value or by reference, means for the chain.
template <class R>
struct Returned {
    using Yield = std::decay_t<R>;
};
template <class R>
    requires isDeferred<std::remove_cvref_t<R>> || isResult<std::remove_cvref_t<R>>
struct Returned<R> {
    using Yield = typename decltype(valueOf(static_cast<std::remove_cvref_t<R>*>(nullptr)))::type;
};

/// What F gives when it is called with a T, or with nothing when T is void.
template <class F, class T>
struct CallWith {
    static constexpr bool valid = std::invocable<F&, T&&>;
    using Type = std::invoke_result<F&, T&&>;
};
template <class F>
struct CallWith<F, void> {
    static constexpr bool valid = std::invocable<F&>;
    using Type = std::invoke_result<F&>;
};
template <class F, class T>
using CallResult = typename CallWith<F, T>::Type::type;

/// The type of the chain behind something on a T that returns R: what only ever fails leaves it.
template <class R, class T>
using YieldOf = std::conditional_t<std::same_as<typename Returned<R>::Yield, Failure>, T,
                                   typename Returned<R>::Yield>;

/// The type of the chain behind a callback F on a T.
template <class F, class T>
using Yield = YieldOf<CallResult<F, T>, T>;

/// Calls `f`, and gives the chain what comes of it as a value of type Out at `slot`, a failure, or
/// a Deferred to wait for. `finish` destroys what the call used; it runs before the chain changes.
template <class Out, class Call, class Finish>
void produce(Chain& chain, void* slot, const std::source_location& site, Call&& call,
             Finish&& finish, const Failure* handled = nullptr) noexcept {
    using R = std::remove_cvref_t<std::invoke_result_t<Call>>;
    try {
        if constexpr (isDeferred<R>) {
            R inner = call();
            finish();
            chain.waitFor(std::move(inner).releaseChain(), typeOps<Out>, slot, site);
        } else if constexpr (std::same_as<R, Failure>) {
            Failure failure = call();
            finish();
            chain.setFailure(std::move(failure), site);
        } else if constexpr (isResult<R>) {
            R result = call();
            finish();
            if (result.ok()) {
                ::new (slot) Stored<Out>(std::move(result).value());
                chain.setValue(slot, typeOps<Out>);
            } else {
                chain.setFailure(result.failure(), site);
            }
        } else if constexpr (std::is_void_v<R>) {
            call();
            finish();
            chain.setValue(slot, typeOps<void>);
        } else {
            ::new (slot) Stored<Out>(call());
            finish();
            chain.setValue(slot, typeOps<Out>);
        }
    } catch (...) {
        // What an errback rethrows keeps its path.
        Failure failure = handled != nullptr ? Failure::current(*handled) : Failure::current();
        finish();
        chain.setFailure(std::move(failure), site);
    }
}

/// A link on a result of type In that yields Out. Either half may be PassBy, when In is Out.
template <class In, class Out, class OnValue, class OnFailure>
struct LinkOf : Link {
    template <class F, class G>
    LinkOf(const std::source_location& where, F&& f, G&& g)
        : Link{&kOps, where}, onValue(std::forward<F>(f)), onFailure(std::forward<G>(g)) {}

    static constexpr std::uint8_t bitsFor() noexcept {
        const auto value = static_cast<std::uint8_t>(State::Value);
        const auto failed = static_cast<std::uint8_t>(State::Failed);
        return static_cast<std::uint8_t>((std::same_as<OnValue, PassBy> ? 0 : value) |
                                         (std::same_as<OnFailure, PassBy> ? 0 : failed));
    }

    static void run(Link& link, Chain& chain) noexcept {
        auto& self = static_cast<LinkOf&>(link);
        if (chain.state() == State::Value) {
            self.runValue(chain);
        } else {
            self.runFailure(chain);
        }
    }

    void runValue(Chain& chain) noexcept {
        if constexpr (!std::same_as<OnValue, PassBy>) {
            auto* in = static_cast<Stored<In>*>(chain.value());
            const std::source_location where = this->site;
            const auto call = [&]() -> decltype(auto) {
                if constexpr (std::same_as<OnFailure, SameAsValue>) {
                    return std::invoke(onValue, Result<In>(std::move(*in)));
                } else if constexpr (std::is_void_v<In>) {
                    return std::invoke(onValue);
                } else {
                    return std::invoke(onValue, std::move(*in));
                }
            };
            produce<Out>(chain, slot, where, call, [&]() noexcept {
                destroyCallables(*this);
                std::destroy_at(in);
            });
        }
    }

    void runFailure(Chain& chain) noexcept {
        if constexpr (!std::same_as<OnFailure, PassBy>) {
            const std::source_location where = this->site;
            Failure failure = chain.takeFailure();
            if constexpr (requires { OnFailure::matches(failure); }) {
                if (!OnFailure::matches(failure)) {
                    destroyCallables(*this);
                    chain.setFailure(std::move(failure), where);
                    return;
                }
            }
            const auto call = [&]() -> decltype(auto) {
                if constexpr (std::same_as<OnFailure, SameAsValue>) {
                    return std::invoke(onValue, Result<In>(failure));
                } else {
                    return std::invoke(onFailure, std::as_const(failure));
                }
            };
            produce<Out>(
                chain, slot, where, call, [&]() noexcept { destroyCallables(*this); }, &failure);
        }
    }

    static void destroyCallables(Link& link) noexcept {
        auto& self = static_cast<LinkOf&>(link);
        self.onValue.~OnValue();
        self.onFailure.~OnFailure();
    }

    static constexpr bool kTrivial =
        std::is_trivially_destructible_v<OnValue> && std::is_trivially_destructible_v<OnFailure>;

    static constexpr std::size_t size() noexcept {
        return (sizeof(LinkOf) + alignof(Link) - 1) & ~(alignof(Link) - 1);
    }

    static const LinkOps kOps;

    [[no_unique_address]] OnValue onValue;
    [[no_unique_address]] OnFailure onFailure;
    alignas(Stored<Out>) std::byte slot[sizeof(Stored<Out>)];
};

template <class In, class Out, class OnValue, class OnFailure>
const LinkOps LinkOf<In, Out, OnValue, OnFailure>::kOps{
    &LinkOf::run, LinkOf::kTrivial ? nullptr : &LinkOf::destroyCallables,
    static_cast<std::uint32_t>(LinkOf::size()), LinkOf::bitsFor()};

/// How a callable given as F comes into a link: one that is copied is copied before there is a
/// place for the link, since copying runs the user's code, which may use the chain.
template <class F>
using Given = std::conditional_t<std::is_lvalue_reference_v<F> &&
                                     !std::is_trivially_copyable_v<std::decay_t<F>> &&
                                     std::is_nothrow_move_constructible_v<std::decay_t<F>>,
                                 std::decay_t<F>, F&&>;

/// Appends a link to `chain`.
template <class In, class Out, class OnValue, class OnFailure>
void append(Chain& chain, OnValue&& onValue, OnFailure&& onFailure,
            const std::source_location& site) {
    using Node = LinkOf<In, Out, std::decay_t<OnValue>, std::decay_t<OnFailure>>;
    static_assert(alignof(Node) <= kMaxAlignment,
                  "marline: a callback's captures and result may need no more than 8-byte "
                  "alignment; put what needs more behind a std::unique_ptr");
    Given<OnValue> value = std::forward<OnValue>(onValue);
    Given<OnFailure> failure = std::forward<OnFailure>(onFailure);
    void* at = chain.beginLink(typeOps<In>, Node::size());
    ::new (at)
        Node(site, std::forward<Given<OnValue>>(value), std::forward<Given<OnFailure>>(failure));
    chain.commitLink(Node::size(), typeOps<Out>);
}

}  // namespace detail
}  // namespace marline
