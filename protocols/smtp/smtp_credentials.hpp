// SmtpCredentials: who a client of a mail server says it is.
#pragma once

#include <string>

namespace marline::smtp {

/// User and password, for AUTH (RFC 4954).
struct SmtpCredentials {
    std::string user;
    std::string password;
};

}  // namespace marline::smtp
