// HttpError: an error that is the answer.
#pragma once

#include <string>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>

namespace marline::http {

/// What a handler throws, or fails its Deferred with, to answer with an error (Twisted:
/// `web.error.Error`). Its text goes to the client; that of any other error stays in the log.
///
///     throw http::HttpError(http::kNotFound, "there is no such book");
class MARLINE_API HttpError : public Error {
public:
    /// `code` is 400 to 599; anything else throws std::invalid_argument.
    HttpError(int code, const std::string& text);

    int code() const noexcept { return code_; }

private:
    int code_;
};

}  // namespace marline::http
