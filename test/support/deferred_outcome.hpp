// What came of a Deferred.
#pragma once

#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/unhandled.hpp>

namespace marline::testing {

/// The result of a Deferred, once it has one. Takes it, so that no failure is left unread.
template <class T = void>
class Outcome {
public:
    explicit Outcome(Deferred<T> d) : d_(d) {
        d.addBoth([seen = seen_](Result<T> result) { seen->emplace(std::move(result)); });
    }

    bool fired() const { return seen_->has_value(); }
    bool ok() const { return fired() && (*seen_)->ok(); }
    typename Result<T>::Value& value() const { return (*seen_)->value(); }
    void cancel() { d_.cancel(); }
    /// Lets go of the result.
    void drop() { seen_->reset(); }

    /// The error if it is an E, else null.
    template <class E>
    const E* failed() const {
        return fired() && !ok() ? (*seen_)->failure().template check<E>() : nullptr;
    }
    std::string message() const {
        return !fired() ? "pending" : ok() ? "no failure" : (*seen_)->failure().message();
    }

private:
    std::shared_ptr<std::optional<Result<T>>> seen_ = std::make_shared<std::optional<Result<T>>>();
    Deferred<T> d_;
};

/// Fails a test that leaves a failure which nobody read.
class NoUnhandled {
public:
    NoUnhandled() : before_(setUnhandledHook(&count)) { counted_ = 0; }
    NoUnhandled(const NoUnhandled&) = delete;
    NoUnhandled& operator=(const NoUnhandled&) = delete;
    ~NoUnhandled() {
        setUnhandledHook(before_);
        EXPECT_EQ(counted_, 0) << "failures that nobody read";
    }

private:
    static void count(const UnhandledError& error) noexcept {
        ++counted_;
        ADD_FAILURE() << error.describe();
    }

    static inline int counted_ = 0;
    UnhandledHook before_;
};

}  // namespace marline::testing
