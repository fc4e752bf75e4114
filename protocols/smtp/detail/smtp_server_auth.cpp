#include <marline/deferred/succeed.hpp>
#include <marline/protocols/detail/base64.hpp>
#include <marline/protocols/smtp/detail/command.hpp>
#include <marline/protocols/smtp/detail/smtp_server.hpp>

namespace marline::smtp::detail {

using marline::detail::decodeBase64;
using marline::detail::encodeBase64;

bool SmtpServer::offersAuth() const {
    return service_->options.checkCredentials && transport()->tls() != nullptr;
}

/// RFC 4954 §4.
void SmtpServer::auth(std::string_view rest) {
    const std::string mechanism = upper(takeWord(rest));
    if (!offersAuth()) {
        reply(538, "say STARTTLS first");
    } else if (!session_.extended || !session_.user.empty() || sender_) {
        reply(503, "not now");
    } else if (mechanism == "PLAIN") {
        mode_ = Mode::Plain;
        rest.empty() ? reply(334, "") : authLineReceived(rest);
    } else if (mechanism == "LOGIN") {
        mode_ = Mode::LoginUser;
        rest.empty() ? reply(334, encodeBase64("Username:")) : authLineReceived(rest);
    } else {
        reply(504, "PLAIN or LOGIN");
    }
}

void SmtpServer::authLineReceived(std::string_view line) {
    const Mode mode = std::exchange(mode_, Mode::Command);
    std::optional<std::string> decoded = line == "=" ? std::string() : decodeBase64(line);
    if (!decoded) {
        reply(501, line == "*" ? "cancelled" : "that is no base64");
    } else if (mode == Mode::Plain) {
        plainReceived(*decoded);
    } else if (mode == Mode::LoginUser) {
        credentials_.user = std::move(*decoded);
        mode_ = Mode::LoginPassword;
        reply(334, encodeBase64("Password:"));
    } else {
        credentials_.password = std::move(*decoded);
        checkCredentials();
    }
}

/// RFC 4616: `authorize NUL user NUL password`.
void SmtpServer::plainReceived(std::string_view decoded) {
    const std::size_t first = decoded.find('\0');
    const std::size_t second =
        first == std::string_view::npos ? first : decoded.find('\0', first + 1);
    if (second == std::string_view::npos) {
        reply(501, "PLAIN has three parts");
        return;
    }
    const std::string_view authorize = decoded.substr(0, first);
    credentials_.user = decoded.substr(first + 1, second - first - 1);
    credentials_.password = decoded.substr(second + 1);
    if (!authorize.empty() && authorize != credentials_.user) {
        credentials_ = {};
        reply(535, "nobody acts for others here");
        return;
    }
    checkCredentials();
}

void SmtpServer::checkCredentials() {
    const SmtpCredentials who = std::exchange(credentials_, {});
    if (who.user.empty()) {
        reply(535, "wrong user or password");
        return;
    }
    ask(maybeDeferred([&] { return service_->options.checkCredentials(who); }),
        [this, user = who.user](const Result<bool>& right) {
            if (!right.ok()) {
                replyFailure(right.failure());
            } else if (!right.value()) {
                reply(535, "wrong user or password");
            } else {
                session_.user = user;
                reply(235, "welcome");
            }
        });
}

}  // namespace marline::smtp::detail
