#include <marline/protocols/finger/finger.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/protocols/detail/asking.hpp>
#include <marline/protocols/detail/one_answer.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::finger {
namespace {

using detail::Asking;
using detail::OneAnswer;
using detail::Shared;

bool isControl(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

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

class FingerServer final : public Asking<LineOnlyReceiver> {
public:
    FingerServer(IReactorTime& clock, Ref<Shared<FingerLookup>> lookup, Duration timeout,
                 Duration lookupTimeout)
        : Asking(clock, {.protocol = "finger",
                         .whom = "the lookup",
                         .held = kMaxQuery,
                         .limit = lookupTimeout,
                         .knob = "fingerFactory(lookupTimeout)"}),
          lookup_(std::move(lookup)), timeout_(timeout) {
        setMaxLength(kMaxQuery);
    }

private:
    void connectionMade() override { setTimeout(timeout_); }
    void silent() override { transport()->abortConnection(); }
    void lineReceived(std::string_view line) override {
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
        ask(maybeDeferred([&] { return lookup_->value(std::move(query)); }),
            [this](const Result<std::string>& found) { answered(found); });
    }
    void answered(const Result<std::string>& found) {
        if (!found.ok()) {
            log(LogLevel::Error, "finger: the lookup failed: " + found.failure().brief());
        }
        answer(found.ok() ? found.value() : "Internal error in server");
    }
    /// One query a connection: who does not take the answer in time is cut off.
    void answer(std::string_view text) {
        transport()->write(shown(text));
        setTimeout(timeout_);
        transport()->loseConnection();
    }

    Ref<Shared<FingerLookup>> lookup_;
    Duration timeout_;
};

class FingerClient final : public OneAnswer<std::string, Protocol> {
public:
    FingerClient(IReactorTime& clock, std::string query, Duration timeout)
        : OneAnswer(clock, timeout, "finger: the server did not answer in time"),
          query_(std::move(query)) {}

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
        if (reason.check<ConnectionDone>() != nullptr) {
            succeed(std::move(answer_));
        }
        OneAnswer::connectionLost(reason);
    }

private:
    void connectionMade() override {
        OneAnswer::connectionMade();
        transport()->write(query_);
    }

    std::string query_;
    std::string answer_;
};

}  // namespace

Ref<IProtocolFactory> fingerFactory(IReactorTime& clock, FingerLookup lookup, Duration timeout,
                                    Duration lookupTimeout) {
    if (!lookup) {
        throw std::invalid_argument("fingerFactory: the lookup is missing");
    }
    auto shared = makeRef<Shared<FingerLookup>>(std::move(lookup));
    return factoryOf([&clock, shared, timeout, lookupTimeout](const Address&) {
        return makeRef<FingerServer>(clock, shared, timeout, lookupTimeout);
    });
}

Deferred<std::string> lookup(IReactorTime& clock, IStreamClientEndpoint& endpoint,
                             const FingerQuery& query, Duration timeout) {
    const std::string line = (query.wide ? "/W " : "") + query.user;
    if (line.size() > kMaxQuery || std::ranges::any_of(line, isControl)) {
        throw std::invalid_argument("finger: a user has no control characters, and no more than " +
                                    std::to_string(kMaxQuery) + " bytes");
    }
    return detail::askOnce(endpoint, makeRef<FingerClient>(clock, line + "\r\n", timeout));
}

}  // namespace marline::finger
