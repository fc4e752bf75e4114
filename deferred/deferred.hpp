// Deferred<T>: a result that is not there yet, and what to do with it when it comes.
#pragma once

#include <chrono>
#include <concepts>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/detail/callable.hpp>
#include <marline/deferred/detail/link.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

template <class T = void>
class Deferred;

template <class T>
class AsResult;

/// A result that may come later, and the chain of callbacks that run on it (Twisted: `Deferred`).
///
/// A Deferred is one chain of links; a `Deferred<T>` is a typed view of it, which says that what
/// the chain's last link yields is a T. A view is one pointer, and copying it shares the chain.
/// Each add*() appends one link and returns the view of the new tail; a view whose type is no
/// longer the tail's throws DeferredTypeError when something is added to it.
///
/// Links run in order, as soon as there is a result: inside callback(), or inside add*() when the
/// result is there already. A link never runs inside another one of its chain. A callback may
/// return a value, nothing, a Failure, a Result or another Deferred; the chain then pauses until
/// that one has its result, and goes on with it. What a callback throws becomes the Failure that
/// the following errbacks see. A Failure that is still there when the last view goes is reported
/// (see setUnhandledHook()).
///
///     Deferred<std::string> page = fetch(url);
///     page.addCallback([](const std::string& body) { return body.size(); })
///         .addCallbacks([](std::size_t n) { std::cout << n << " bytes\n"; },
///                       [](const Failure& why) { std::cout << why.message() << '\n'; });
///
/// Running out of memory changes nothing: making a Deferred and add*() throw std::bad_alloc, or
/// what copying the callable throws, and the chain is as it was. Firing, waiting, pausing,
/// cancelling and destroying need no memory, but for the Failure, which holds std::bad_alloc when
/// there was none for the error itself.
///
/// A chain belongs to the thread that made it. Callbacks take the result by value, as `const T&`
/// or as `T&&`, and then the arguments that were given to add*() after the function.
template <class T>
class Deferred {
    static_assert(!std::is_reference_v<T>,
                  "marline: Deferred<T&> is not possible; use Deferred<T>, Deferred<T*> or "
                  "Deferred<Ref<T>>");
    static_assert(std::is_void_v<T> || std::is_nothrow_move_constructible_v<T>,
                  "marline: Deferred<T> needs a T that moves without throwing; put it behind a "
                  "std::unique_ptr");
    static_assert(alignof(detail::Stored<T>) <= detail::kMaxAlignment,
                  "marline: Deferred<T> needs a T of no more than 8-byte alignment; put it behind "
                  "a std::unique_ptr");
    static_assert(!detail::isDeferred<T>,
                  "marline: Deferred<Deferred<T>> is not possible; return the inner Deferred from "
                  "a callback, and the chain waits for it");
    static_assert(!detail::isResult<T> && !std::same_as<T, Failure>,
                  "marline: Deferred<Failure> and Deferred<Result<T>> are not possible; every "
                  "Deferred<T> can fail, with errback()");

public:
    using Site = std::source_location;

    /// An unfired chain, to be fired with callback() or errback(). Library code uses a
    /// DeferredSource instead, which cannot be forgotten unfired.
    explicit Deferred(Site where = Site::current())
        : chain_(detail::Chain::create(detail::typeOps<T>, sizeof(detail::Stored<T>), where)) {}

    /// An unfired chain whose cancel() calls `canceller` with a view of it. The canceller may fire
    /// it; if it does not, CancelledError does.
    template <class F>
        requires std::invocable<F&, Deferred<T>>
    explicit Deferred(F canceller, Site where = Site::current());

    Deferred(const Deferred& other) noexcept : chain_(other.chain_) {
        if (chain_ != nullptr) {
            chain_->retain();
        }
    }
    Deferred(Deferred&& other) noexcept : chain_(std::exchange(other.chain_, nullptr)) {}
    /// Does not compile, and says what to write instead.
    template <class U>
        requires(!std::same_as<U, T>)
    Deferred(const Deferred<U>&) : chain_(nullptr) {
        static_assert(std::same_as<U, T>,
                      "marline: this Deferred yields another type: keep what the last add*() "
                      "returned in an `auto` of its own, or add a callback that makes the wanted "
                      "type");
    }
    Deferred& operator=(Deferred other) noexcept {
        std::swap(chain_, other.chain_);
        return *this;
    }
    ~Deferred() {
        if (chain_ != nullptr) {
            chain_->release();
        }
    }

    /// Runs `f` on the value: `f(value, args…)`. Failures pass by. Up to three extra arguments.
    template <class F>
    auto addCallback(F&& f, Site where = Site::current()) {
        static_assert(std::is_void_v<T> || detail::CallWith<std::decay_t<F>, T>::valid,
                      "marline: a callback on Deferred<T> must take one T: by value, as const T& "
                      "or as T&& (not as T&; then the arguments given to addCallback after it)");
        static_assert(!std::is_void_v<T> || detail::CallWith<std::decay_t<F>, T>::valid,
                      "marline: a callback on Deferred<> takes no argument (besides the ones "
                      "given to addCallback after it)");
        static_assert(detail::storable<F>,
                      "marline: this callback cannot be copied into the chain; give it with "
                      "std::move, and put what needs more than 8-byte alignment behind a "
                      "std::unique_ptr");
        return addValueLink(std::forward<F>(f), where);
    }
    template <class F, class A>
        requires(!std::same_as<std::decay_t<A>, Site>)
    auto addCallback(F&& f, A&& a, Site where = Site::current()) {
        return addCallback(detail::bindBack(std::forward<F>(f), std::forward<A>(a)), where);
    }
    template <class F, class A, class B>
    auto addCallback(F&& f, A&& a, B&& b, Site where = Site::current()) {
        return addCallback(
            detail::bindBack(std::forward<F>(f), std::forward<A>(a), std::forward<B>(b)), where);
    }
    template <class F, class A, class B, class C>
    auto addCallback(F&& f, A&& a, B&& b, C&& c, Site where = Site::current()) {
        return addCallback(detail::bindBack(std::forward<F>(f), std::forward<A>(a),
                                            std::forward<B>(b), std::forward<C>(c)),
                           where);
    }

    /// Runs `g` on the Failure: `g(failure, args…)`; what it returns must make a T, or be a
    /// Failure. Values pass by. Up to two extra arguments.
    template <class G>
    Deferred addErrback(G&& g, Site where = Site::current()) {
        static_assert(std::invocable<std::decay_t<G>&, const Failure&>,
                      "marline: an errback must take a Failure: by value or as const Failure& "
                      "(then the arguments given to addErrback after it)");
        static_assert(detail::errbackRecovers<std::decay_t<G>, T>(),
                      "marline: an errback on Deferred<T> must return a T, Deferred<T>, Result<T> "
                      "or Failure, since the next callback expects a T; to only look at the "
                      "Failure, return it; to change the type use addCallbacks or addBoth");
        static_assert(detail::storable<G>,
                      "marline: this errback cannot be copied into the chain; give it with "
                      "std::move, and put what needs more than 8-byte alignment behind a "
                      "std::unique_ptr");
        return link<T>(detail::PassBy{}, std::forward<G>(g), where);
    }
    template <class G, class A>
        requires(!std::same_as<std::decay_t<A>, Site>)
    Deferred addErrback(G&& g, A&& a, Site where = Site::current()) {
        return addErrback(detail::bindBack(std::forward<G>(g), std::forward<A>(a)), where);
    }
    template <class G, class A, class B>
    Deferred addErrback(G&& g, A&& a, B&& b, Site where = Site::current()) {
        return addErrback(
            detail::bindBack(std::forward<G>(g), std::forward<A>(a), std::forward<B>(b)), where);
    }

    /// Runs `g` only on a Failure that holds an E; `g` takes the E itself or the Failure. Values
    /// and other Failures pass by.
    template <class E, class G>
    Deferred addErrback(G&& g, Site where = Site::current());

    /// One link with both halves: `f` sees the value, `g` the Failure, and `g` not what `f` threw.
    /// Both must lead to the same type.
    template <class F, class G>
    auto addCallbacks(F&& f, G&& g, Site where = Site::current());

    /// Runs `h` on the outcome, a Result<T>: `h(result, args…)`. Up to one extra argument.
    template <class H>
    auto addBoth(H&& h, Site where = Site::current());
    template <class H, class A>
        requires(!std::same_as<std::decay_t<A>, Site>)
    auto addBoth(H&& h, A&& a, Site where = Site::current()) {
        return addBoth(detail::bindBack(std::forward<H>(h), std::forward<A>(a)), where);
    }

    /// Gives this chain's outcome to `other`, as its callback() or errback() would, and goes on
    /// with nothing (Twisted: `chainDeferred`). Nothing waits here: cancelling `other` does not
    /// reach this chain. When `other` has fired already, this one fails with AlreadyCalledError.
    Deferred<> chainDeferred(Deferred other, Site where = Site::current());

    /// Cancels the chain when it gets here later than `timeout` from now: the CancelledError that
    /// comes of that goes on as a TimeoutError, which says what took how long (Twisted:
    /// `addTimeout`). A value or another error that the cancelled operation ends with stays.
    ///
    /// `clock` has a `callLater(delay, f)`, as a Reactor has, and must be there when this is
    /// called; it may go before the Deferred does.
    template <class Clock>
    Deferred addTimeout(std::chrono::nanoseconds timeout, Clock& clock,
                        Site where = Site::current());
    /// The same, where the outcome of what was late is what `onTimeoutCancel(result, timeout)`
    /// makes of the Result<T>: a T, a Deferred<T>, a Result<T> or a Failure.
    template <class Clock, class F>
        requires std::invocable<F&, Result<T>, std::chrono::nanoseconds>
    Deferred addTimeout(std::chrono::nanoseconds timeout, Clock& clock, F&& onTimeoutCancel,
                        Site where = Site::current());

    /// Fires the chain with a value and runs its links. Throws AlreadyCalledError when it has been
    /// fired; the first firing after a cancel() without a canceller is ignored instead.
    template <class... V>
    void callback(V&&... value) {
        if (chain_->sourceType() != &detail::typeOps<T>) {
            refuseSource();
        }
        if (chain_->mayFire()) {
            Deferred(*this).fire(std::forward<V>(value)...);
        }
    }

    /// Fires the chain with a Failure (or an exception), as callback() does with a value.
    void errback(Failure failure) {
        if (chain_->mayFire()) {
            Deferred(*this).fireFailure(std::move(failure));
        }
    }

    /// Asks for the operation to end early. An unfired chain calls its canceller, and fails with
    /// CancelledError unless that fired it; one that waits for another Deferred cancels that one;
    /// one with its result does nothing. What the canceller throws leaves cancel().
    void cancel() { chain_->cancel(); }

    /// True once the chain was fired.
    bool called() const noexcept { return chain_->called(); }
    /// True while pause() holds the links back.
    bool paused() const noexcept { return chain_->paused(); }
    /// Holds the links back until as many unpause().
    void pause() noexcept { chain_->pause(); }
    /// Undoes one pause(); throws std::logic_error without one.
    void unpause() { chain_->unpause(); }

    /// For coroutines: `Result<T> r = co_await d.asResult();` gives the outcome without throwing,
    /// where `co_await std::move(d)` gives the T and throws what a Failure holds.
    AsResult<T> asResult() const noexcept;

    /// Internal: gives the reference to the chain away.
    detail::Chain* releaseChain() && noexcept { return std::exchange(chain_, nullptr); }
    /// Internal: the chain itself.
    detail::Chain& chain() const noexcept { return *chain_; }
    /// Internal: takes over one reference to a chain whose tail yields T.
    static Deferred adopt(detail::Chain* chain) noexcept { return Deferred(chain, nullptr); }

private:
    template <class U>
    friend class DeferredSource;

    Deferred(detail::Chain* chain, std::nullptr_t) noexcept : chain_(chain) {}

    /// Appends a link and gives the view of the new tail. The link may run here and destroy *this,
    /// so the chain is held by a view of its own.
    template <class Out, class OnValue, class OnFailure>
    Deferred<Out> link(OnValue&& onValue, OnFailure&& onFailure, const Site& where) {
        Deferred held(*this);
        detail::append<T, Out>(*held.chain_, std::forward<OnValue>(onValue),
                               std::forward<OnFailure>(onFailure), where);
        return Deferred<Out>::adopt(std::move(held).releaseChain());
    }

    /// Fires, giving this view's reference away; does nothing when fired or cancelled before.
    template <class... V>
    void fire(V&&... value) && {
        static_assert((std::is_void_v<T> && sizeof...(V) == 0) ||
                          (!std::is_void_v<T> && sizeof...(V) == 1 &&
                           std::constructible_from<detail::Stored<T>, V&&...>),
                      "marline: callback() takes one T, or nothing on a Deferred<>; a Failure is "
                      "given to errback(), and a Deferred is returned from a callback");
        if (!chain_->called()) {
            ::new (chain_->sourceSlot()) detail::Stored<T>(std::forward<V>(value)...);
            std::exchange(chain_, nullptr)->fireValue();
        }
    }
    void fireFailure(Failure failure) && {
        if (!chain_->called()) {
            std::exchange(chain_, nullptr)->fireFailure(std::move(failure));
        }
    }

    [[noreturn]] static void refuseSource() {
        throw DeferredTypeError(
            "callback() through a view of another type than the one that the "
            "Deferred was made with");
    }

    template <class F>
    auto addValueLink(F&& f, const Site& where) {
        using Out = detail::Yield<std::decay_t<F>, T>;
        return link<Out>(std::forward<F>(f), detail::PassBy{}, where);
    }

    detail::Chain* chain_;
};

static_assert(sizeof(Deferred<int>) == sizeof(void*));

}  // namespace marline

#include <marline/deferred/coroutine.hpp>
#include <marline/deferred/detail/deferred_inline.hpp>
#include <marline/deferred/detail/timeout.hpp>
