// What can go wrong with a request, besides connecting.
#pragma once

#include <string>
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
};

/// A body is larger than the reader allows.
class MARLINE_API BodyTooLarge : public Error {
public:
    using Error::Error;
};

/// A redirect that must not be followed by itself (Twisted: `PageRedirect`): the method is not
/// GET or HEAD, or it leads from https to http.
class MARLINE_API PageRedirect : public Error {
public:
    using Error::Error;
};

/// More redirects than RedirectAgentOptions::redirectLimit (Twisted: `InfiniteRedirection`).
class MARLINE_API InfiniteRedirection : public Error {
public:
    using Error::Error;
};

/// A redirect without a Location field, or with one that cannot be followed (Twisted:
/// `RedirectWithNoLocation`).
class MARLINE_API RedirectWithNoLocation : public Error {
public:
    using Error::Error;
};

}  // namespace marline
