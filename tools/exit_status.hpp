// What the command exits with, and how it names what went wrong.
#pragma once

#include <string>

#include <marline/marline.hpp>

namespace tools {

/// An error as the command reports it.
struct Diagnosis {
    /// The exit status, curl's where curl has one:
    ///  1 scheme not supported      3 malformed URL          6 name not found
    ///  7 connection failed         8 bad response           22 status >= 400, with --fail
    /// 23 cannot write the body    28 out of time           43 bad request
    /// 47 redirects not followed   52 no response           56 response cut
    /// 60 TLS failed               61 bad content coding    63 body too large
    /// 70 anything else
    int status;
    /// `url`, `resolve`, `connect`, `tls`, `request`, `send`, `headers`, `response`, `body`,
    /// `total` or `redirect`.
    std::string phase;
};

/// Finds the class of an error.
Diagnosis diagnose(const marline::Failure& why);

}  // namespace tools
