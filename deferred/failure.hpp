// Failure: an error that travels as a value.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <new>
#include <source_location>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/detail/failure_state.hpp>

namespace marline {

/// An error together with where it came from, as one pointer (Twisted: `failure.Failure`).
///
/// A Failure shares one immutable error; copying it copies a reference. Copies may go to other
/// threads, as those do that an error holds which a std::future gives there. Testing the error's
/// type does not rethrow it, and making a Failure never throws.
///
///     d.addErrback([](const Failure& why) {
///         why.trap<ConnectionRefusedError, TimeoutError>();   // rethrows anything else
///         return std::string("fallback");
///     });
class MARLINE_API Failure {
public:
    /// Holds an E built from `args`; nothing is thrown, and running out of memory yields a Failure
    /// that holds std::bad_alloc.
    template <class E, class... Args>
    static Failure make(Args&&... args) noexcept {
        static_assert(std::derived_from<E, std::exception>,
                      "marline: Failure::make<E>() needs an E derived from std::exception");
        try {
            return Failure(new detail::FailureOf<E>(std::forward<Args>(args)...));
        } catch (...) {
            return current();
        }
    }

    /// Holds the exception that is being handled; call it in a `catch` block. Outside of one the
    /// Failure holds a std::logic_error that says so (Twisted: `Failure()`).
    static Failure current() noexcept;
    /// The same, but `known` itself, with the places that it passed, when it is `known` that was
    /// raised.
    static Failure current(const Failure& known) noexcept;

    /// Holds a copy of `error` (implicitly, so that a callback may return either).
    template <class E>
        requires std::derived_from<std::remove_cvref_t<E>, std::exception>
    Failure(E&& error) noexcept : Failure(make<std::remove_cvref_t<E>>(std::forward<E>(error))) {}

    /// Holds the exception that `error` refers to; a null one gives a std::logic_error.
    explicit Failure(std::exception_ptr error) noexcept;

    Failure(const Failure& other) noexcept : state_(other.state_) { acquire(); }
    Failure(Failure&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    Failure& operator=(Failure other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~Failure() { release(); }

    /// The error as an E, or null when it is something else. Does not throw.
    template <class E>
    const E* check() const noexcept {
        if constexpr (std::derived_from<E, std::exception>) {
            return dynamic_cast<const E*>(state_->error);
        } else {
            return state_->template foreign<E>();
        }
    }

    /// Does nothing when the error is one of Es, else rethrows it (Twisted: `trap`).
    template <class... Es>
    void trap() const {
        if (!(... || (check<Es>() != nullptr))) {
            raise();
        }
    }

    /// Throws the error itself, the same object at every call (Twisted: `raiseException`).
    [[noreturn]] void raise() const;

    /// What the error says: its what(), or the type's name for one that is no std::exception.
    std::string message() const;

    /// The error's type, readable: `marline::TimeoutError`.
    std::string typeName() const;

    /// Type and message in one line.
    std::string brief() const;

    /// brief(), then one line `    file:line (function)` for each place the error passed on its
    /// way, innermost first. The last line counts the places there was no room for.
    std::string describe() const;

    /// The error as an exception_ptr, the same at every call.
    std::exception_ptr exception() const;

    /// True when both share one error.
    friend bool operator==(const Failure& a, const Failure& b) noexcept {
        return a.state_ == b.state_;
    }

    /// Internal: notes that the error passed `site`.
    void passed(const std::source_location& site) const noexcept { state_->passed(site); }
    /// Internal: gives the reference away, to be taken back by adopt().
    detail::FailureState* releaseState() noexcept { return std::exchange(state_, nullptr); }
    /// Internal: false when the error has been moved away.
    bool holdsError() const noexcept { return state_ != nullptr; }
    /// Internal: takes a reference that releaseState() gave away.
    static Failure adopt(detail::FailureState* state) noexcept { return Failure(state); }

private:
    explicit Failure(detail::FailureState* state) noexcept : state_(state) {}

    void acquire() const noexcept {
        if (state_ != nullptr) {
            state_->retain();
        }
    }
    void release() noexcept {
        if (state_ != nullptr) {
            state_->release();
        }
    }

    detail::FailureState* state_;
};

static_assert(sizeof(Failure) == sizeof(void*));

}  // namespace marline
