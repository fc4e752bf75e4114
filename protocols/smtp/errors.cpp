#include <marline/protocols/smtp/errors.hpp>

#include <marline/protocols/detail/text.hpp>

namespace marline::smtp {

SmtpError::SmtpError(int code, const std::string& text)
    : Error((code != 0 ? std::to_string(code) + ' ' : std::string()) +
            marline::detail::printable(text, text.size())),
      code_(code), text_(text) {}

}  // namespace marline::smtp
