#include <marline/protocols/http/http_error.hpp>

#include <stdexcept>

namespace marline::http {

HttpError::HttpError(int code, const std::string& text) : Error(text), code_(code) {
    if (code < 400 || code > 599) {
        throw std::invalid_argument("the code of an HttpError is 400 to 599, not " +
                                    std::to_string(code));
    }
}

}  // namespace marline::http
