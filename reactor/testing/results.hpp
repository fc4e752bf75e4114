// successResultOf() and its kin: what a Deferred holds, now.
#pragma once

#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/result.hpp>

namespace marline::testing {

/// A Deferred is not in the state that the test says (Twisted: `failureException`). Thrown out of a
/// test's body it fails the test, with any framework.
class MARLINE_API WrongResult : public std::logic_error {
public:
    WrongResult(const std::source_location& where, const std::string& what)
        : std::logic_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) +
                           ": " + what) {}
};

/// Internal: takes the result of `d`, if there is one, and leaves it with nothing. What comes later
/// is dropped.
template <class T>
std::optional<Result<T>> takeResult(Deferred<T>& d) {
    const auto seen = std::make_shared<std::optional<Result<T>>>();
    d.addBoth([seen](Result<T> result) { seen->emplace(std::move(result)); });
    return std::exchange(*seen, std::nullopt);
}

/// The value that `d` has now, which is taken out of it. Throws WrongResult when it has none, or a
/// Failure, whose description is told.
///
///     EXPECT_EQ(testing::successResultOf(client->get("key")), "value");
template <class T>
typename Result<T>::Value successResultOf(
    Deferred<T> d, std::source_location where = std::source_location::current()) {
    std::optional<Result<T>> result = takeResult(d);
    if (!result) {
        throw WrongResult(where, "a value was expected, but the Deferred has no result");
    }
    if (!result->ok()) {
        throw WrongResult(where, "a value was expected, but the Deferred has failed:\n" +
                                     result->failure().describe());
    }
    return std::move(*result).value();
}

/// The Failure that `d` has now, which is taken out of it. Throws WrongResult when it has none, a
/// value, or an error that is none of Es; without Es any will do.
///
///     testing::failureResultOf<TimeoutError>(d);
template <class... Es, class T>
Failure failureResultOf(Deferred<T> d,
                        std::source_location where = std::source_location::current()) {
    std::optional<Result<T>> result = takeResult(d);
    if (!result) {
        throw WrongResult(where, "a failure was expected, but the Deferred has no result");
    }
    if (result->ok()) {
        throw WrongResult(where, "a failure was expected, but the Deferred has a value");
    }
    const Failure& failure = result->failure();
    if (sizeof...(Es) != 0 && !(... || (failure.check<Es>() != nullptr))) {
        throw WrongResult(where, "another failure was expected than\n" + failure.describe());
    }
    return failure;
}

/// Throws WrongResult when `d` has a result now, which is then taken out of it. What comes later
/// passes on.
template <class T>
void assertNoResult(Deferred<T> d, std::source_location where = std::source_location::current()) {
    const auto fired = std::make_shared<bool>(false);
    d.addBoth([fired](Result<T> result) {
        *fired = true;
        return result;
    });
    if (!*fired) {
        return;
    }
    const std::optional<Result<T>> result = takeResult(d);
    throw WrongResult(where, result->ok() ? std::string("no result was expected, but there is a "
                                                        "value")
                                          : "no result was expected, but the Deferred has "
                                            "failed:\n" +
                                                result->failure().describe());
}

}  // namespace marline::testing
