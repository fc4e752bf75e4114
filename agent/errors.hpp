// What can go wrong with a request, besides connecting.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/failure.hpp>

namespace marline {

/// The URI's scheme is neither http nor https (Twisted: `SchemeNotSupported`).
class MARLINE_API SchemeNotSupported : public Error {
public:
    using Error::Error;
};

/// The method, a field or the body cannot be put on the wire; nothing was sent.
class MARLINE_API BadRequest : public Error {
public:
    using Error::Error;
};

/// A body is longer or shorter than its length() said (Twisted: `WrongBodyLength`).
class MARLINE_API WrongBodyLength : public BadRequest {
public:
    using BadRequest::BadRequest;
};

/// No whole response came (Twisted: `ResponseFailed`). reasons() holds why, the cause first.
class MARLINE_API ResponseFailed : public Error {
public:
    ResponseFailed(const std::string& what, std::vector<Failure> reasons)
        : Error(describe(what, reasons)), reasons_(std::move(reasons)) {}

    const std::vector<Failure>& reasons() const noexcept { return reasons_; }

private:
    static std::string describe(const std::string& what, const std::vector<Failure>& reasons) {
        std::string text = what;
        const char* separator = ": ";
        for (const Failure& reason : reasons) {
            text += separator + reason.message();
            separator = "; ";
        }
        return text;
    }

    std::vector<Failure> reasons_;
};

/// The connection ended, or the time did, before a byte of the response (Twisted:
/// `ResponseNeverReceived`).
class MARLINE_API ResponseNeverReceived : public ResponseFailed {
public:
    using ResponseFailed::ResponseFailed;
};

/// The connection ended while the request was sent (Twisted: `RequestTransmissionFailed`).
class MARLINE_API RequestTransmissionFailed : public ResponseNeverReceived {
public:
    using ResponseNeverReceived::ResponseNeverReceived;
};

/// Nothing was sent: the connection had gone before (Twisted: `RequestNotSent`).
class MARLINE_API RequestNotSent : public ResponseNeverReceived {
public:
    using ResponseNeverReceived::ResponseNeverReceived;
};

/// The body of the request could not be produced (Twisted: `RequestGenerationFailed`).
class MARLINE_API RequestGenerationFailed : public ResponseFailed {
public:
    using ResponseFailed::ResponseFailed;
};

/// What a request was at when its time was up.
enum class RequestPhase : std::uint8_t { Connect, Send, Headers, Body, Total };

/// `connect`, `send`, `headers`, `body` or `total`.
constexpr std::string_view phaseName(RequestPhase phase) noexcept {
    constexpr std::string_view kNames[] = {"connect", "send", "headers", "body", "total"};
    return kNames[static_cast<std::size_t>(phase)];
}

/// One phase of a request took too long; the message names the peer, what passed, and the knob.
class MARLINE_API RequestTimeoutError : public TimeoutError {
public:
    RequestTimeoutError(RequestPhase phase, std::chrono::nanoseconds passed,
                        const std::string& message)
        : TimeoutError(message), phase_(phase), passed_(passed) {}

    RequestPhase phase() const noexcept { return phase_; }
    /// How long it had waited.
    std::chrono::nanoseconds passed() const noexcept { return passed_; }

private:
    RequestPhase phase_;
    std::chrono::nanoseconds passed_;
};

/// Why a body's connectionLost() is called when the body is whole (Twisted: `ResponseDone`).
class MARLINE_API ResponseDone : public Error {
public:
    ResponseDone() : Error("the response is complete") {}
};

/// Why a body's connectionLost() is called when only the connection's end marked the body's
/// (Twisted: `PotentialDataLoss`): it may be whole or cut, HTTP/1.0 cannot tell.
class MARLINE_API PotentialDataLoss : public Error {
public:
    PotentialDataLoss()
        : Error(
              "the body ended with the connection, and may be incomplete: the server gave no "
              "length") {}

protected:
    explicit PotentialDataLoss(const std::string& message) : Error(message) {}
};

/// readBody() got a body whose end only the connection's end marked (Twisted:
/// `PartialDownloadError`). It has what came, to be used by who knows better.
class MARLINE_API PartialDownloadError : public PotentialDataLoss {
public:
    PartialDownloadError(int code, const std::string& uri, std::string body)
        : PotentialDataLoss("the body of " + uri + " (status " + std::to_string(code) +
                            ") ended with the connection behind " + std::to_string(body.size()) +
                            " bytes, and may be incomplete: the server gave no length"),
          code_(code), body_(std::move(body)) {}

    int code() const noexcept { return code_; }
    const std::string& body() const noexcept { return body_; }

private:
    int code_;
    std::string body_;
};

/// A body is larger than the reader allows.
class MARLINE_API BodyTooLarge : public Error {
public:
    using Error::Error;
};

/// A part of a body is not the one that was asked for.
class MARLINE_API BadRange : public Error {
public:
    using Error::Error;
};

/// A redirect that was not followed; the subclasses say why. The message is short; trail() is
/// whole.
class MARLINE_API RedirectError : public Error {
public:
    RedirectError(const std::string& message, int code, std::vector<std::string> trail,
                  std::string location)
        : Error(message), code_(code), trail_(std::move(trail)), location_(std::move(location)) {}

    /// The status of the redirect that was not followed.
    int code() const noexcept { return code_; }
    /// Every URI that was requested, the first one first; the last gave the redirect.
    const std::vector<std::string>& trail() const noexcept { return trail_; }
    /// The Location field as it came; empty when there was none.
    const std::string& location() const noexcept { return location_; }

private:
    int code_;
    std::vector<std::string> trail_;
    std::string location_;
};

/// A redirect that must not be followed by itself (Twisted: `PageRedirect`): the method is not
/// GET or HEAD, the body cannot be sent twice, or it leads from https to http.
class MARLINE_API PageRedirect : public RedirectError {
public:
    using RedirectError::RedirectError;
};

/// More redirects than RedirectAgentOptions::redirectLimit (Twisted: `InfiniteRedirection`).
class MARLINE_API InfiniteRedirection : public RedirectError {
public:
    using RedirectError::RedirectError;
};

/// A redirect without a Location field, with several that differ, or with one that cannot be
/// followed (Twisted: `RedirectWithNoLocation`).
class MARLINE_API RedirectWithNoLocation : public RedirectError {
public:
    using RedirectError::RedirectError;
};

}  // namespace marline
