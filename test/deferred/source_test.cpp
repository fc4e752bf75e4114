// DeferredSource: moved, misused, and with values that throw when they are made.
#include <marline/deferred/source.hpp>

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <marline/deferred/errors.hpp>

namespace {

using marline::AlreadyCalledError;
using marline::Deferred;
using marline::DeferredLost;
using marline::DeferredSource;
using marline::Result;

/// How a Deferred ends.
template <class T>
void note(const Deferred<T>& d, std::string& end) {
    d.addBoth([&end](const Result<T>& outcome) {
        end = outcome.ok() ? "value" : outcome.failure().typeName();
    });
}

/// A value whose copy throws.
struct NotCopied {
    NotCopied() = default;
    NotCopied(const NotCopied&) { throw std::bad_alloc(); }
    NotCopied(NotCopied&&) noexcept {}
};

// A value that cannot be made leaves the source as it was: it can fire again, or is lost.
TEST(DeferredSource, aValueThatThrowsIsNoFiring) {
    DeferredSource<NotCopied> source;
    std::string end = "pending";
    note(source.deferred(), end);
    const NotCopied value;
    EXPECT_THROW(source.callback(value), std::bad_alloc);
    EXPECT_TRUE(source.pending());
    EXPECT_EQ(end, "pending");
    source.callback(NotCopied());
    EXPECT_EQ(end, "value");
}

// What the target of an assignment could still fire is lost at once, and the other one is empty.
TEST(DeferredSource, assignmentLosesTheTargets) {
    DeferredSource<int> a;
    DeferredSource<int> b;
    std::string ofA = "pending";
    std::string ofB = "pending";
    note(a.deferred(), ofA);
    note(b.deferred(), ofB);
    a = std::move(b);
    EXPECT_EQ(ofA, "marline::DeferredLost");
    EXPECT_FALSE(b.pending());  // NOLINT(bugprone-use-after-move): that is what is asked
    EXPECT_THROW(b.callback(1), AlreadyCalledError);
    a.callback(2);
    EXPECT_EQ(ofB, "value");
}

// Asking for the Deferred too late is misuse.
TEST(DeferredSource, deferredMustBeAskedForBefore) {
    DeferredSource<int> source;
    const Deferred<int> d = source.deferred();
    source.callback(1);
    EXPECT_THROW(source.deferred(), std::logic_error);
    DeferredSource<int> other;
    const DeferredSource<int> taken = std::move(other);
    EXPECT_THROW(other.deferred(), std::logic_error);  // NOLINT(bugprone-use-after-move)
    EXPECT_FALSE(taken.deferred().called());
}

}  // namespace
