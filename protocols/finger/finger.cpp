#include <marline/protocols/finger/finger.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::finger {
namespace {

bool isControl(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

struct SharedLookup final : RefCounted {
    explicit SharedLookup(FingerLookup lookup) : call(std::move(lookup)) {}
    FingerLookup call;
};

/// Every line with CRLF, and nothing that a terminal would obey.
std::string shown(std::string_view answer) {
    std::string text;
    for (const char c : answer) {
        if (c == '\n') {
            text += "\r\n";
        } else if (!isControl(c) || c == '\t') {
            text += c;
        }
    }
    return text.empty() || text.ends_with('\n') ? text : text + "\r\n";
}

class FingerServer final : public TimeoutMixin<LineOnlyReceiver> {
public:
    FingerServer(IReactorTime& clock, Ref<SharedLookup> lookup, Duration timeout)
        : TimeoutMixin(clock), lookup_(std::move(lookup)), timeout_(timeout) {
        setMaxLength(kMaxQuery);
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
        setTimeout({});
        pauseProducing();  // one query a connection
        FingerQuery query;
        while (line.starts_with(' ')) {
            line.remove_prefix(1);
        }
        if (line.starts_with("/W") || line.starts_with("/w")) {
            query.wide = true;
            line.remove_prefix(2);
        }
        while (line.starts_with(' ')) {
            line.remove_prefix(1);
        }
        query.user = line;
        if (line.find('@') != std::string_view::npos) {
            answer("Finger forwarding service denied");
            return;
        }
        Deferred<> looking =
            maybeDeferred([&] {
                return lookup_->call(std::move(query));
            }).addBoth([self = Ref<FingerServer>(this)](const Result<std::string>& found) {
                self->looking_.reset();
                if (self->transport() != nullptr) {
                    self->answered(found);
                }
            });
        if (!transport()->disconnecting()) {
            looking_ = std::move(looking);
        }
    }
    void answered(const Result<std::string>& found) {
        if (!found.ok()) {
            log(LogLevel::Error, "finger: the lookup failed: " + found.failure().brief());
        }
        answer(found.ok() ? found.value() : "Internal error in server");
    }
    void answer(std::string_view text) {
        transport()->write(shown(text));
        setTimeout(timeout_);
        transport()->loseConnection();
    }

    Ref<SharedLookup> lookup_;
    Duration timeout_;
    std::optional<Deferred<>> looking_;
};

class FingerClient final : public TimeoutMixin<Protocol> {
public:
    FingerClient(IReactorTime& clock, std::string query, Duration timeout)
        : TimeoutMixin(clock), query_(std::move(query)), timeout_(timeout) {}

    /// To be called once.
    Deferred<std::string> answer() { return *std::exchange(result_, std::nullopt); }
    void dataReceived(std::span<const std::byte> data) override {
        resetTimeout();
        if (answer_.size() + data.size() > kMaxAnswer) {
            end(Failure::make<FingerError>("finger: the answer is longer than " +
                                           std::to_string(kMaxAnswer) + " bytes (kMaxAnswer)"));
            return;
        }
        answer_ += asText(data);
    }
    void connectionLost(const Failure& reason) override {
        if (source_.pending() && reason.check<ConnectionDone>() != nullptr) {
            source_.callback(std::move(answer_));
        } else if (source_.pending()) {
            source_.errback(reason);
        }
        TimeoutMixin::connectionLost(reason);
    }

private:
    void connectionMade() override {
        setTimeout(timeout_);
        transport()->write(query_);
    }
    void timeoutConnection() override {
        end(Failure::make<TimeoutError>("finger: the server did not answer in time"));
    }
    void end(Failure why) {
        transport()->abortConnection();
        if (source_.pending()) {
            source_.errback(std::move(why));
        }
    }
    void abandon() {
        if (transport() != nullptr) {
            transport()->abortConnection();
        }
    }

    std::string query_;
    Duration timeout_;
    std::string answer_;
    DeferredSource<std::string> source_{[this](const Deferred<std::string>&) { abandon(); }};
    std::optional<Deferred<std::string>> result_ = source_.deferred();
};

}  // namespace

Ref<IProtocolFactory> fingerFactory(IReactorTime& clock, FingerLookup lookup, Duration timeout) {
    if (!lookup) {
        throw std::invalid_argument("fingerFactory: the lookup is missing");
    }
    auto shared = makeRef<SharedLookup>(std::move(lookup));
    return factoryOf([&clock, shared, timeout](const Address&) {
        return makeRef<FingerServer>(clock, shared, timeout);
    });
}

Deferred<std::string> finger(IReactorTime& clock, IStreamClientEndpoint& endpoint,
                             const FingerQuery& query, Duration timeout) {
    const std::string line = (query.wide ? "/W " : "") + query.user;
    if (line.size() > kMaxQuery || std::ranges::any_of(line, isControl)) {
        throw std::invalid_argument("finger: a user has no control characters, and no more than " +
                                    std::to_string(kMaxQuery) + " bytes");
    }
    auto client = makeRef<FingerClient>(clock, line + "\r\n", timeout);
    return endpoint.connect(factoryOf([client](const Address&) { return client; }))
        .addCallback([client](const Ref<IProtocol>&) { return client->answer(); });
}

}  // namespace marline::finger
