// DeferredSource<T>: the firing end of a Deferred, which cannot be forgotten.
#pragma once

#include <concepts>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <marline/deferred/deferred.hpp>

namespace marline {

/// Fires one Deferred, at most once. Move-only; destroyed unfired, it fails the Deferred with
/// DeferredLost, so that whoever waits learns that nobody will answer.
///
/// The library fires through this class only; it is for every producer that may go away.
///
///     DeferredSource<int> source([this](Deferred<int>) { stopWork(); });   // cancel() calls this
///     Deferred<int> d = source.deferred();
///     source.callback(42);
template <class T = void>
class DeferredSource {
public:
    /// The source of a new, unfired Deferred without a canceller.
    explicit DeferredSource(std::source_location where = std::source_location::current())
        : d_(std::in_place, where) {}

    /// The source of a new, unfired Deferred whose cancel() calls `canceller` with it.
    template <class F>
        requires std::invocable<F&, Deferred<T>>
    explicit DeferredSource(F canceller,
                            std::source_location where = std::source_location::current())
        : d_(std::in_place, std::move(canceller), where) {}

    DeferredSource(DeferredSource&& other) noexcept : d_(std::exchange(other.d_, std::nullopt)) {}
    /// What this could still fire is lost.
    DeferredSource& operator=(DeferredSource&& other) noexcept {
        DeferredSource taken(std::move(other));
        std::swap(d_, taken.d_);
        return *this;
    }
    ~DeferredSource() {
        if (pending() && d_->chain().observed()) {
            errback(Failure::make<DeferredLost>());
        }
    }

    /// A view of the Deferred. Throws std::logic_error once this has fired, or is moved from: ask
    /// before.
    Deferred<T> deferred() const {
        if (!d_.has_value()) {
            throw std::logic_error(
                "deferred() of a DeferredSource that has fired, or was moved from: ask before");
        }
        return *d_;
    }

    /// True while there is something to fire: not fired, not cancelled, not moved from.
    bool pending() const noexcept { return d_.has_value() && !d_->called(); }

    /// Fires with a value. Does nothing when the Deferred was cancelled meanwhile; throws
    /// AlreadyCalledError when this source has fired. What making the value throws leaves this as
    /// it was.
    template <class... V>
    void callback(V&&... value) {
        using Value = detail::Stored<T>;
        if constexpr (std::constructible_from<Value, V...> &&
                      !std::is_nothrow_constructible_v<Value, V...>) {
            Value made(std::forward<V>(value)...);
            take().fire(std::move(made));
        } else {
            take().fire(std::forward<V>(value)...);
        }
    }

    /// Fires with a Failure, as callback() does with a value.
    void errback(Failure failure) { take().fireFailure(std::move(failure)); }

private:
    Deferred<T> take() {
        if (!d_.has_value()) {
            throw AlreadyCalledError("callback() or errback() on a DeferredSource that has fired");
        }
        Deferred<T> d = std::move(*d_);
        d_.reset();
        return d;
    }

    std::optional<Deferred<T>> d_;
};

}  // namespace marline
