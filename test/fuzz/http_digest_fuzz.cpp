// Fuzzes both sides of the Digest scheme: whoever knows the password gets in, whatever the name and
// the realm; who does not never does; and no challenge breaks out of its answer.
#include <algorithm>
#include <chrono>
#include <string>

#include <marline/agent/detail/digest.hpp>
#include <marline/protocols/http/digest_auth.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

/// A page that says who asked, behind a password.
class Guarded {
public:
    Guarded(const std::string& user, const std::string& password, const std::string& realm)
        : site_(makeRef<http::Site>(
              clock_,
              makeRef<http::DigestAuth>(
                  makeRef<http::FunctionResource>([](http::Request& request) -> http::Rendered {
                      return "user " + request.getUser();
                  }),
                  realm, [=](std::string_view name, http::DigestAlgorithm algorithm) {
                      return name == user ? std::optional(http::digestSecret(algorithm, name, realm,
                                                                             password))
                                          : std::nullopt;
                  }))) {}

    /// The answer to a request for `target` with the Authorization field `credentials`.
    std::string ask(const std::string& target, const std::string& credentials = {}) {
        testing::StringTransport transport;
        const Ref<IProtocol> server = site_->buildProtocol({});
        server->makeConnection(transport);
        const std::string field =
            credentials.empty() ? "" : "Authorization: " + credentials + "\r\n";
        server->dataReceived(
            asBytes("GET " + target + " HTTP/1.1\r\nHost: t\r\n" + field + "\r\n"));
        std::string answer = transport.value();
        transport.disconnect();
        server->connectionLost(ConnectionDone());
        return answer;
    }

private:
    testing::Clock clock_{std::chrono::hours(1)};
    Ref<http::Site> site_;
};

/// The WWW-Authenticate fields of an answer.
http::Headers challengesIn(const std::string& answer) {
    constexpr std::string_view kName = "WWW-Authenticate: ";
    http::Headers headers;
    for (std::size_t at = answer.find(kName); at != std::string::npos;
         at = answer.find(kName, at + 1)) {
        const std::size_t from = at + kName.size();
        headers.addRawHeader("WWW-Authenticate",
                             std::string_view(answer).substr(from, answer.find('\r', at) - from));
    }
    return headers;
}

/// What can stand in a field; `refused` cannot besides.
std::string plain(std::string_view text, std::string_view refused = {}) {
    std::string out(text);
    std::erase_if(out, [refused](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f ||
               refused.find(c) != std::string_view::npos;
    });
    return out;
}

/// As a client that knows the password.
void logIn(marline::testing::Chooser& input) {
    const std::string user = plain(input.takeLine());
    const std::string realm = plain(input.takeLine(), "\"\\");
    const std::string password(input.takeLine());
    constexpr std::string_view kOfTarget = "abcdefghijklmnopqrstuvwxyz0123456789/?=&,;:-._~%";
    std::string target = "/" + std::string(input.takeLine());
    std::erase_if(target, [=](char c) { return kOfTarget.find(c) == std::string_view::npos; });
    Guarded page(user, password, realm);
    const auto challenge = detail::findDigestChallenge(challengesIn(page.ask(target)));
    demand(challenge.has_value(), "a challenge can be answered");
    demand(challenge->realm == realm, "a realm arrives");
    const auto answer = [&](std::string_view with) {
        return page.ask(target, digestAuthorization(*challenge, {.user = user,
                                                                 .password = with,
                                                                 .method = "GET",
                                                                 .target = target,
                                                                 .cnonce = "c"}));
    };
    demand(answer(password + "x").find("\r\n\r\nuser ") == std::string::npos, "wrong password");
    const std::string right = answer(password);
    demand(right.ends_with("\r\n\r\nuser " + user), "who knows the password gets in");
    demand(answer(password).find("stale=true") != std::string::npos, "an answer counts once");
}

/// As somebody who knows everything but the password.
void guess(marline::testing::Chooser& input) {
    Guarded page("me", "secret", "realm");
    const auto challenge = detail::findDigestChallenge(challengesIn(page.ask("/")));
    demand(challenge.has_value(), "a challenge can be answered");
    std::string said = plain(input.rest());
    if (const std::size_t at = said.find("NONCE"); at != std::string::npos) {
        said.replace(at, 5, challenge->nonce);
    }
    if (const std::size_t at = said.find("OPAQUE"); at != std::string::npos) {
        said.replace(at, 6, challenge->opaque.value_or(""));
    }
    const std::string answer = page.ask("/", "Digest " + said);
    demand(answer.starts_with("HTTP/1.1 401 ") || answer.starts_with("HTTP/1.1 400 ") ||
               answer.starts_with("HTTP/1.1 431 "),
           "who does not know the password stays outside");
}

/// As a client of any server.
void answer(marline::testing::Chooser& input) {
    http::Headers headers;
    while (!input.rest().empty()) {
        headers.addRawHeader("WWW-Authenticate", plain(input.takeLine()));
    }
    const auto challenge = detail::findDigestChallenge(headers);
    if (!challenge) {
        return;
    }
    const std::string text = digestAuthorization(
        *challenge,
        {.user = "m\"e", .password = "p", .method = "GET", .target = "/", .cnonce = "c"});
    demand(text.starts_with("Digest username=\"m\\\"e\", "), "it says who asks");
    demand(marline::testing::isOneLine(text), "an answer is one line");
    std::size_t quotes = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;  // what is behind it is text
        } else if (text[i] == '"') {
            ++quotes;
        }
    }
    demand(quotes % 2 == 0, "every quoted string ends");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    switch (input.takeByte() % 3) {
    case 0: logIn(input); break;
    case 1: guess(input); break;
    default: answer(input); break;
    }
    return 0;
}
