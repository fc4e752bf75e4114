// HTTP status codes and their phrases (Twisted: http.RESPONSES).
#pragma once

#include <marline/deferred/api.hpp>

#include <string_view>

namespace marline::http {

/// Status codes of RFC 9110 §15 and the registry, under Twisted's names where it has one. Plain
/// ints, because any number from 100 to 599 may be sent.
inline constexpr int kContinue = 100;
inline constexpr int kSwitching = 101;
inline constexpr int kEarlyHints = 103;
inline constexpr int kOk = 200;
inline constexpr int kCreated = 201;
inline constexpr int kAccepted = 202;
inline constexpr int kNoContent = 204;
inline constexpr int kResetContent = 205;
inline constexpr int kPartialContent = 206;
inline constexpr int kMultipleChoice = 300;
inline constexpr int kMovedPermanently = 301;
inline constexpr int kFound = 302;
inline constexpr int kSeeOther = 303;
inline constexpr int kNotModified = 304;
inline constexpr int kTemporaryRedirect = 307;
inline constexpr int kPermanentRedirect = 308;
inline constexpr int kBadRequest = 400;
inline constexpr int kUnauthorized = 401;
inline constexpr int kForbidden = 403;
inline constexpr int kNotFound = 404;
inline constexpr int kNotAllowed = 405;
inline constexpr int kNotAcceptable = 406;
inline constexpr int kProxyAuthRequired = 407;
inline constexpr int kRequestTimeout = 408;
inline constexpr int kConflict = 409;
inline constexpr int kGone = 410;
inline constexpr int kLengthRequired = 411;
inline constexpr int kPreconditionFailed = 412;
inline constexpr int kContentTooLarge = 413;
inline constexpr int kUriTooLong = 414;
inline constexpr int kUnsupportedMediaType = 415;
inline constexpr int kRangeNotSatisfiable = 416;
inline constexpr int kExpectationFailed = 417;
inline constexpr int kMisdirectedRequest = 421;
inline constexpr int kUpgradeRequired = 426;
inline constexpr int kTooManyRequests = 429;
inline constexpr int kHeaderFieldsTooLarge = 431;
inline constexpr int kInternalServerError = 500;
inline constexpr int kNotImplemented = 501;
inline constexpr int kBadGateway = 502;
inline constexpr int kServiceUnavailable = 503;
inline constexpr int kGatewayTimeout = 504;
inline constexpr int kHttpVersionNotSupported = 505;

/// The phrase of a registered status code, and for any other number the name of its class, such
/// as `Client Error`; `Unknown` outside 100 to 599.
MARLINE_API std::string_view statusPhrase(int code) noexcept;

}  // namespace marline::http
