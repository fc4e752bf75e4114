// Argument<T>: how a T stands in an AMP box.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/protocols/amp/box.hpp>

namespace marline::amp {

/// How a T is written into a value and read from one (Twisted: `Argument`, `toString`,
/// `fromString`). Specialise it for types of your own:
///
///     template <>
///     struct amp::Argument<Point> {
///         static void write(const Point& point, std::string& out) { … }   // appends
///         static Point read(std::string_view value) { … }   // throws InvalidArgument
///     };
template <class T>
struct Argument;

/// A moment in UTC, to the microsecond (Twisted: `DateTime`).
using DateTime = std::chrono::sys_time<std::chrono::microseconds>;

/// Internal: the parts that the templates below are made of. All throw InvalidArgument for what is
/// not of the type.
namespace detail {
MARLINE_API void writeInteger(std::int64_t value, std::string& out);
MARLINE_API void writeUnsigned(std::uint64_t value, std::string& out);
MARLINE_API std::int64_t readInteger(std::string_view value, std::int64_t least, std::int64_t most);
MARLINE_API std::uint64_t readUnsigned(std::string_view value, std::uint64_t most);
/// Appends `item`'s length to `out` at `at`, where two bytes of room are, before what follows.
MARLINE_API void finishItem(std::string& out, std::size_t at);
/// Takes the first item off a list.
MARLINE_API std::string_view takeItem(std::string_view& list);
}  // namespace detail

/// `True` or `False` (Twisted: `Boolean`).
template <>
struct MARLINE_API Argument<bool> {
    static void write(bool value, std::string& out) { out += value ? "True" : "False"; }
    static bool read(std::string_view value);
};

/// Decimal digits (Twisted: `Integer`). One that does not fit is an InvalidArgument.
template <std::signed_integral T>
struct Argument<T> {
    static void write(T value, std::string& out) { detail::writeInteger(value, out); }
    static T read(std::string_view value) {
        return static_cast<T>(detail::readInteger(value, std::numeric_limits<T>::min(),
                                                  std::numeric_limits<T>::max()));
    }
};
template <std::unsigned_integral T>
struct Argument<T> {
    static void write(T value, std::string& out) { detail::writeUnsigned(value, out); }
    static T read(std::string_view value) {
        return static_cast<T>(detail::readUnsigned(value, std::numeric_limits<T>::max()));
    }
};

/// Digits, `inf` or `nan`, which read the same as they were (Twisted: `Float`).
template <>
struct MARLINE_API Argument<double> {
    static void write(double value, std::string& out);
    static double read(std::string_view value);
};

/// The bytes themselves (Twisted: `String`, and `Unicode` when they are UTF-8).
template <>
struct MARLINE_API Argument<std::string> {
    static void write(const std::string& value, std::string& out) { out += value; }
    static std::string read(std::string_view value) { return std::string(value); }
};

/// The path as text (Twisted: `Path`).
template <>
struct MARLINE_API Argument<std::filesystem::path> {
    static void write(const std::filesystem::path& value, std::string& out) {
        out += value.native();
    }
    static std::filesystem::path read(std::string_view value) { return value; }
};

/// `2012-01-23T12:34:56.054321+00:00` (Twisted: `DateTime`). Other time zones are read as well.
template <>
struct MARLINE_API Argument<DateTime> {
    static void write(DateTime value, std::string& out);
    static DateTime read(std::string_view value);
};

/// Items, each behind its length in two bytes (Twisted: `ListOf`). A list of structs with fields()
/// is Twisted's `AmpList`, see command.hpp.
template <class T>
struct Argument<std::vector<T>> {
    static void write(const std::vector<T>& values, std::string& out) {
        for (const T& value : values) {
            const std::size_t at = out.size();
            out.append(2, '\0');
            Argument<T>::write(value, out);
            detail::finishItem(out, at);
        }
    }
    static std::vector<T> read(std::string_view value) {
        std::vector<T> values;
        while (!value.empty()) {
            values.push_back(Argument<T>::read(detail::takeItem(value)));
        }
        return values;
    }
};

}  // namespace marline::amp
