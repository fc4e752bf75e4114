#include <marline/protocols/ident/ident.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/protocols/detail/asking.hpp>
#include <marline/protocols/detail/one_answer.hpp>
#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::ident {
namespace {

using detail::Asking;
using detail::OneAnswer;
using detail::printable;
using detail::Shared;

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// What stands before `separator`, trimmed and taken off; all when there is none.
std::string_view takePart(std::string_view& text, char separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return trimmed(part);
}

/// 0 for what is no port.
std::uint16_t portOf(std::string_view text) {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, port);
    return error == std::errc() && stop == end ? port : std::uint16_t{0};
}

/// What an answer may hold: one line, and not more than RFC 1413 §4 lets a user have.
std::string shown(const std::string& text) {
    std::string line = text.substr(0, kMaxUserId);
    std::ranges::replace_if(line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
    return line;
}

class IdentServer final : public Asking<LineOnlyReceiver> {
public:
    IdentServer(IReactorTime& clock, Ref<Shared<IdentLookup>> lookup, Duration timeout,
                Duration lookupTimeout)
        : Asking(clock, {.protocol = "ident",
                         .whom = "the lookup",
                         .held = kMaxIdentPipelined,
                         .limit = lookupTimeout,
                         .knob = "identFactory(lookupTimeout)"}),
          lookup_(std::move(lookup)), timeout_(timeout) {
        setMaxLength(kMaxIdentLine);
    }

private:
    void connectionMade() override { setTimeout(timeout_); }
    void silent() override { transport()->abortConnection(); }
    void lineReceived(std::string_view line) override {
        resetTimeout();
        const std::string pair = printable(trimmed(line));
        const bool both = line.find(',') != std::string_view::npos;
        IdentQuery query;
        query.portOnServer = portOf(takePart(line, ','));
        query.portOnClient = portOf(trimmed(line));
        query.client = transport()->getPeer();
        if (!both || query.portOnServer == 0 || query.portOnClient == 0) {
            answer(pair, Failure::make<InvalidPort>());
            return;
        }
        std::string ports =
            std::to_string(query.portOnServer) + ", " + std::to_string(query.portOnClient);
        ask(maybeDeferred([&] { return lookup_->value(std::move(query)); }),
            [this, ports = std::move(ports)](const Result<IdentReply>& found) {
                answer(ports, found);
            });
    }
    void answer(const std::string& ports, const Result<IdentReply>& found) {
        if (found.ok()) {
            say(ports + " : USERID : " + shown(found.value().system) + " : " +
                shown(found.value().user));
            return;
        }
        const auto* const error = found.failure().check<IdentError>();
        if (error == nullptr) {
            log(LogLevel::Error, "ident: the lookup failed: " + found.failure().brief());
        }
        say(ports + " : ERROR : " + shown(error != nullptr ? error->what() : "UNKNOWN-ERROR"));
    }
    void say(const std::string& line) {
        sendLine(line);
        if (transport()->bytesBuffered() > kMaxIdentUnsent) {
            log(LogLevel::Info, "ident: " + transport()->getPeer().toString() +
                                    " does not read its answers (ident::kMaxIdentUnsent)");
            transport()->abortConnection();
        }
    }

    Ref<Shared<IdentLookup>> lookup_;
    Duration timeout_;
};

Failure errorOf(std::string_view word) {
    if (word == "NO-USER") {
        return Failure::make<NoUser>();
    }
    if (word == "INVALID-PORT") {
        return Failure::make<InvalidPort>();
    }
    if (word == "HIDDEN-USER") {
        return Failure::make<HiddenUser>();
    }
    return Failure::make<IdentError>(printable(word));
}

class IdentClient final : public OneAnswer<IdentReply, LineOnlyReceiver> {
public:
    IdentClient(IReactorTime& clock, std::uint16_t portOnServer, std::uint16_t portOnClient,
                Duration timeout)
        : OneAnswer(clock, timeout, "ident: the server did not answer in time"),
          portOnServer_(portOnServer), portOnClient_(portOnClient) {
        setMaxLength(kMaxIdentLine);
    }

private:
    void connectionMade() override {
        OneAnswer::connectionMade();
        sendLine(std::to_string(portOnServer_) + ", " + std::to_string(portOnClient_));
    }
    void lineLengthExceeded(std::string_view) override {
        end(Failure::make<IdentError>("ident: the answer is longer than " +
                                      std::to_string(kMaxIdentLine) + " bytes (kMaxIdentLine)"));
    }
    /// `PORT, PORT : USERID : SYSTEM[, CHARSET] : USER`, or `PORT, PORT : ERROR : WORD`.
    void lineReceived(std::string_view line) override {
        const std::string whole = printable(line, 60);
        std::string_view ports = takePart(line, ':');
        const bool ours = portOf(takePart(ports, ',')) == portOnServer_ &&
                          portOf(trimmed(ports)) == portOnClient_;
        const std::string_view kind = takePart(line, ':');
        if (ours && kind == "ERROR") {
            end(errorOf(trimmed(line)));
        } else if (ours && kind == "USERID" && line.find(':') != std::string_view::npos) {
            std::string_view system = takePart(line, ':');
            line.remove_prefix(line.starts_with(' ') ? 1U : 0U);
            transport()->loseConnection();
            succeed(IdentReply{std::string(takePart(system, ',')), std::string(line)});
        } else {
            end(Failure::make<IdentError>("ident: cannot read the answer '" + whole + "'"));
        }
    }

    std::uint16_t portOnServer_;
    std::uint16_t portOnClient_;
};

}  // namespace

Ref<IProtocolFactory> identFactory(IReactorTime& clock, IdentLookup lookup, Duration timeout,
                                   Duration lookupTimeout) {
    if (!lookup) {
        throw std::invalid_argument("identFactory: the lookup is missing");
    }
    auto shared = makeRef<Shared<IdentLookup>>(std::move(lookup));
    return factoryOf([&clock, shared, timeout, lookupTimeout](const Address&) {
        return makeRef<IdentServer>(clock, shared, timeout, lookupTimeout);
    });
}

Deferred<IdentReply> lookup(IReactorTime& clock, IStreamClientEndpoint& endpoint,
                            std::uint16_t portOnServer, std::uint16_t portOnClient,
                            Duration timeout) {
    return detail::askOnce(endpoint,
                           makeRef<IdentClient>(clock, portOnServer, portOnClient, timeout));
}

}  // namespace marline::ident
