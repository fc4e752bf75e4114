// Commands of AMP: structs that declare their fields.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <marline/deferred/failure.hpp>
#include <marline/protocols/amp/argument.hpp>
#include <marline/protocols/amp/box.hpp>
#include <marline/protocols/amp/errors.hpp>

namespace marline::amp {

/// One field of a struct and the key it has in a box; made by fields().
template <class S, class T>
struct Field {
    std::string_view key;
    T S::* member;
};

/// The fields of a struct: key, member, key, member … A std::optional may be missing in the box.
///
///     struct Divide {
///         static constexpr std::string_view kCommandName = "Divide";
///         std::int64_t numerator = 0;
///         std::int64_t denominator = 1;
///         static constexpr auto fields() {
///             return amp::fields("numerator", &Divide::numerator, "denominator",
///                                &Divide::denominator);
///         }
///         struct Response {
///             double result = 0;
///             static constexpr auto fields() { return amp::fields("result", &Response::result); }
///         };
///         static constexpr auto errors() {
///             return std::tuple(amp::error<DivisionByZero>("ZERO_DIVISION"));
///         }
///     };
constexpr std::tuple<> fields() { return {}; }
template <class S, class T, class... Rest>
constexpr auto fields(std::string_view key, T S::* member, Rest... rest) {
    return std::tuple_cat(std::tuple(Field<S, T>{key, member}), fields(rest...));
}

/// A struct that declares its fields.
template <class S>
concept HasFields = requires { S::fields(); };

/// A command (Twisted: `Command`): has kCommandName and fields(). It may have Response, which has
/// fields() too; errors(); and `static constexpr bool kRequiresAnswer = false` when nobody is to
/// answer it.
template <class C>
concept IsCommand = HasFields<C> && requires {
    { C::kCommandName } -> std::convertible_to<std::string_view>;
};

/// An error of a command and its code on the wire; see error().
template <class E>
struct ErrorCode {
    using Error = E;
    std::string_view code;
    bool fatal = false;
};

/// E, which can be made from a std::string, is `code` on the wire (Twisted: `Command.errors`).
template <class E>
constexpr ErrorCode<E> error(std::string_view code) {
    return {code, false};
}
/// The same, and whoever sends it closes the connection after it (Twisted: `fatalErrors`).
template <class E>
constexpr ErrorCode<E> fatalError(std::string_view code) {
    return {code, true};
}

/// What a responder's failure is on the wire.
struct RemoteError {
    std::string code;
    std::string description;
    bool fatal = false;
};

namespace detail {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <HasFields S>
void writeFields(const S& from, BoxWriter& to) {
    const auto writeOne = [&](const auto& field) {
        const auto& value = from.*field.member;
        using Value = std::remove_cvref_t<decltype(value)>;
        if constexpr (IsOptional<Value>::value) {
            if (value) {
                to.addWritten(field.key, [&](std::string& out) {
                    Argument<typename Value::value_type>::write(*value, out);
                });
            }
        } else {
            to.addWritten(field.key, [&](std::string& out) { Argument<Value>::write(value, out); });
        }
    };
    std::apply([&](const auto&... all) { (writeOne(all), ...); }, S::fields());
}

template <class T>
void readField(const Box& from, std::string_view key, T& to) {
    const std::optional<std::string_view> value = from.get(key);
    try {
        if constexpr (IsOptional<T>::value) {
            if (value) {
                to = Argument<typename T::value_type>::read(*value);
            }
        } else if (value) {
            to = Argument<T>::read(*value);
        } else {
            throw InvalidArgument("it is missing");
        }
    } catch (const InvalidArgument& why) {
        throw InvalidArgument("AMP argument " + std::string(key) + ": " + why.what());
    }
}

template <HasFields S>
S readFields(const Box& from) {
    S to{};
    std::apply([&](const auto&... all) { (readField(from, all.key, to.*all.member), ...); },
               S::fields());
    return to;
}

template <class C>
struct ResponseOf {
    using Type = void;
};
template <class C>
    requires requires { typename C::Response; }
struct ResponseOf<C> {
    using Type = typename C::Response;
};

template <class C>
constexpr bool requiresAnswer() {
    if constexpr (requires { C::kRequiresAnswer; }) {
        return C::kRequiresAnswer;
    }
    return true;
}

/// What `why` is on the wire, when C declares it.
template <class C>
std::optional<RemoteError> declaredError(const Failure& why) {
    std::optional<RemoteError> found;
    if constexpr (requires { C::errors(); }) {
        const auto tryOne = [&]<class E>(const ErrorCode<E>& error) {
            if (const E* held = found ? nullptr : why.check<E>()) {
                found = RemoteError{std::string(error.code), held->what(), error.fatal};
            }
        };
        std::apply([&](const auto&... all) { (tryOne(all), ...); }, C::errors());
    }
    return found;
}

/// The error that `code` stands for, when C declares it.
template <class C>
std::optional<Failure> errorOf(std::string_view code, const std::string& description) {
    std::optional<Failure> found;
    if constexpr (requires { C::errors(); }) {
        const auto tryOne = [&]<class E>(const ErrorCode<E>& error) {
            if (!found && error.code == code) {
                found = Failure::make<E>(description);
            }
        };
        std::apply([&](const auto&... all) { (tryOne(all), ...); }, C::errors());
    }
    return found;
}

}  // namespace detail

/// Boxes one after the other (Twisted: `AmpList`).
template <HasFields S>
struct Argument<std::vector<S>> {
    static void write(const std::vector<S>& values, std::string& out) {
        BoxWriter box(out);
        for (const S& value : values) {
            detail::writeFields(value, box);
            box.end();
        }
    }
    static std::vector<S> read(std::string_view value) {
        std::vector<S> values;
        Box box;
        while (!value.empty()) {
            std::size_t from = 0;
            const std::optional<std::size_t> length = Box::lengthOf(value, from);
            if (!length) {
                throw InvalidArgument("the list ends within a box");
            }
            box.read(value.substr(0, *length));
            values.push_back(detail::readFields<S>(box));
            value.remove_prefix(*length);
        }
        return values;
    }
};

}  // namespace marline::amp
