#include <marline/protocols/ident/ident.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::ident {
namespace {

struct SharedLookup final : RefCounted {
    explicit SharedLookup(IdentLookup lookup) : call(std::move(lookup)) {}
    IdentLookup call;
};

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

class IdentServer final : public TimeoutMixin<LineOnlyReceiver> {
public:
    IdentServer(IReactorTime& clock, Ref<SharedLookup> lookup, Duration timeout)
        : TimeoutMixin(clock), lookup_(std::move(lookup)), timeout_(timeout) {
        setMaxLength(kMaxIdentLine);
    }
    void connectionLost(const Failure& reason) override {
        TimeoutMixin::connectionLost(reason);
        if (std::optional<Deferred<>> looking = std::exchange(looking_, std::nullopt)) {
            looking->cancel();
        }
    }

private:
    void connectionMade() override { setTimeout(timeout_); }
    void timeoutConnection() override { transport()->abortConnection(); }
    void lineReceived(std::string_view line) override {
        resetTimeout();
        const std::string pair(trimmed(line));
        const bool both = line.find(',') != std::string_view::npos;
        IdentQuery query;
        query.portOnServer = portOf(takePart(line, ','));
        query.portOnClient = portOf(trimmed(line));
        query.client = transport()->getPeer();
        if (!both || query.portOnServer == 0 || query.portOnClient == 0) {
            answer(pair, Failure::make<InvalidPort>());
            return;
        }
        busy_ = true;
        const std::string ports =
            std::to_string(query.portOnServer) + ", " + std::to_string(query.portOnClient);
        Deferred<> looking =
            maybeDeferred([&] {
                return lookup_->call(std::move(query));
            }).addBoth([self = Ref<IdentServer>(this), ports](const Result<IdentReply>& found) {
                self->busy_ = false;
                self->looking_.reset();
                if (self->transport() == nullptr) {
                    return;
                }
                self->answer(ports, found);
                if (self->paused()) {
                    self->setTimeout(self->timeout_);
                    self->resumeProducing();
                }
            });
        if (busy_) {
            looking_ = std::move(looking);
            setTimeout({});
            pauseProducing();
        }
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

    Ref<SharedLookup> lookup_;
    Duration timeout_;
    bool busy_ = false;
    std::optional<Deferred<>> looking_;
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
    return Failure::make<IdentError>(std::string(word));
}

class IdentClient final : public TimeoutMixin<LineOnlyReceiver> {
public:
    IdentClient(IReactorTime& clock, std::uint16_t portOnServer, std::uint16_t portOnClient,
                Duration timeout)
        : TimeoutMixin(clock), portOnServer_(portOnServer), portOnClient_(portOnClient),
          timeout_(timeout) {
        setMaxLength(kMaxIdentLine);
    }

    /// To be called once.
    Deferred<IdentReply> answer() { return *std::exchange(result_, std::nullopt); }
    void connectionLost(const Failure& reason) override {
        if (source_.pending()) {
            source_.errback(reason);
        }
        TimeoutMixin::connectionLost(reason);
    }

private:
    void connectionMade() override {
        setTimeout(timeout_);
        sendLine(std::to_string(portOnServer_) + ", " + std::to_string(portOnClient_));
    }
    void timeoutConnection() override {
        end(Failure::make<TimeoutError>("ident: the server did not answer in time"));
    }
    void lineLengthExceeded(std::string_view) override {
        end(Failure::make<IdentError>("ident: the answer is longer than " +
                                      std::to_string(kMaxIdentLine) + " bytes (kMaxIdentLine)"));
    }
    /// `PORT, PORT : USERID : SYSTEM[, CHARSET] : USER`, or `PORT, PORT : ERROR : WORD`.
    void lineReceived(std::string_view line) override {
        const std::string whole(line.substr(0, 60));
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
            if (source_.pending()) {
                source_.callback(IdentReply{std::string(takePart(system, ',')), std::string(line)});
            }
        } else {
            end(Failure::make<IdentError>("ident: cannot read the answer '" + whole + "'"));
        }
    }
    void end(Failure why) {
        abandon();
        if (source_.pending()) {
            source_.errback(std::move(why));
        }
    }
    void abandon() {
        if (transport() != nullptr) {
            transport()->abortConnection();
        }
    }

    std::uint16_t portOnServer_;
    std::uint16_t portOnClient_;
    Duration timeout_;
    DeferredSource<IdentReply> source_{[this](const Deferred<IdentReply>&) { abandon(); }};
    std::optional<Deferred<IdentReply>> result_ = source_.deferred();
};

}  // namespace

Ref<IProtocolFactory> identFactory(IReactorTime& clock, IdentLookup lookup, Duration timeout) {
    if (!lookup) {
        throw std::invalid_argument("identFactory: the lookup is missing");
    }
    auto shared = makeRef<SharedLookup>(std::move(lookup));
    return factoryOf([&clock, shared, timeout](const Address&) {
        return makeRef<IdentServer>(clock, shared, timeout);
    });
}

Deferred<IdentReply> lookup(IReactorTime& clock, IStreamClientEndpoint& endpoint,
                            std::uint16_t portOnServer, std::uint16_t portOnClient,
                            Duration timeout) {
    auto client = makeRef<IdentClient>(clock, portOnServer, portOnClient, timeout);
    return endpoint.connect(factoryOf([client](const Address&) { return client; }))
        .addCallback([client](const Ref<IProtocol>&) { return client->answer(); });
}

}  // namespace marline::ident
