// EndpointFields: the parts of an endpoint's description.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// A description of an endpoint that makes no sense; the message has the description and the reason
/// (Twisted: `ValueError`).
class MARLINE_API EndpointStringError : public Error {
public:
    using Error::Error;
};

/// A description, taken apart: `tcp:8080:interface=127.0.0.1` has the kind `tcp`, a field without a
/// name, and one with.
///
/// Fields are separated by colons; the first equals sign in a field ends its name. A backslash in
/// front of a character takes its meaning away: `host=\:\:1`.
///
/// A parser takes every field that its kind knows, in the order in which they may be given without
/// a name; those are shared out among the fields that are not given by name. What is left over when
/// it is done is an error. Everything here throws EndpointStringError.
class MARLINE_API EndpointFields {
public:
    /// Takes `description` apart.
    explicit EndpointFields(std::string_view description);

    const std::string& kind() const noexcept { return kind_; }

    /// The field `name`; nothing when it is not given.
    std::optional<std::string> take(std::string_view name);
    /// The field `name`, which must be given and not be empty.
    std::string need(std::string_view name);
    /// A port: a number from 0 to 65535, which must be given.
    std::uint16_t needPort(std::string_view name);
    /// A number from `least` to `most`, or `otherwise` when it is not given.
    std::uint32_t takeNumber(std::string_view name, std::uint32_t otherwise,
                             std::uint32_t least = 0, std::uint32_t most = 0xffffffffU);
    /// Whole seconds, at least one, or `otherwise`.
    Duration takeSeconds(std::string_view name, Duration otherwise);
    /// `yes` or `no` (as in Twisted also `1` or `0`), or `otherwise`.
    bool takeFlag(std::string_view name, bool otherwise);
    /// All that stands behind the kind, as it was written: another description.
    std::string takeRest();

    /// Throws when fields were given that nobody took.
    void finish() const;
    /// Throws an error that names the description and `reason`.
    [[noreturn]] void refuse(const std::string& reason) const;

private:
    struct Named {
        std::string name;
        std::string value;
        bool taken = false;
    };

    std::string description_;
    std::string kind_;
    std::vector<std::string> unnamed_;
    std::size_t nextUnnamed_ = 0;
    std::vector<Named> named_;
    std::size_t rest_ = 0;  // where it begins in the description
};

/// Puts a backslash before what would end a field, so that `text` stands for itself in one
/// (Twisted: `quoteStringArgument`).
MARLINE_API std::string quoteStringArgument(std::string_view text);

}  // namespace marline
