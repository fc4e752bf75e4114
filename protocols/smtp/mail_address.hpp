// MailAddress: whom mail is from and for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>

namespace marline::smtp {

/// The longest local part, domain and path (RFC 5321 §4.5.3.1), in bytes.
inline constexpr std::size_t kMaxLocalPart = 64;
inline constexpr std::size_t kMaxDomain = 255;
inline constexpr std::size_t kMaxPath = 256;

/// A mail address as SMTP writes it, in ASCII (Twisted: `smtp.Address`).
struct MARLINE_API MailAddress {
    /// What stands before the `@`; a quoted one has its quotes. Empty: the null sender `<>`.
    std::string local;
    /// What stands behind it: a domain, or `[…]`. Empty besides only in `<postmaster>`.
    std::string domain;

    /// Reads `local@domain`; empty is the null sender. Nothing for what RFC 5321 §4.1.2 does not
    /// allow, so what is read cannot hold a line end, a blank outside quotes, or `<>`.
    static std::optional<MailAddress> parse(std::string_view text);

    /// True for the null sender, which bounces have.
    bool null() const noexcept { return local.empty(); }
    /// `local@domain`.
    std::string toString() const { return domain.empty() ? local : local + '@' + domain; }

    friend bool operator==(const MailAddress&, const MailAddress&) = default;
};

}  // namespace marline::smtp
