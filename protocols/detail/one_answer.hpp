// Internal: not installed. What clients have in common that ask once.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/endpoints.hpp>

namespace marline::detail {

/// Gives `Base`, a Protocol, a Deferred of its one answer, which ends with the connection, and the
/// connection with it when it is cancelled.
template <class T, class Base>
class OneAnswer : public TimeoutMixin<Base> {
public:
    /// Nothing for `timeout` fails the answer with a TimeoutError that says `late`.
    OneAnswer(IReactorTime& clock, Duration timeout, std::string late)
        : TimeoutMixin<Base>(clock), timeout_(timeout), late_(std::move(late)) {}

    /// To be called once.
    Deferred<T> answer() { return *std::exchange(result_, std::nullopt); }

    void connectionLost(const Failure& reason) override {
        fail(reason);
        TimeoutMixin<Base>::connectionLost(reason);
    }

protected:
    ~OneAnswer() override = default;

    void connectionMade() override { this->setTimeout(timeout_); }
    void timeoutConnection() override { end(Failure::make<TimeoutError>(late_)); }

    /// The answer, unless there is one.
    void succeed(T answer) {
        if (source_.pending()) {
            source_.callback(std::move(answer));
        }
    }
    void fail(Failure why) {
        if (source_.pending()) {
            source_.errback(std::move(why));
        }
    }
    /// There will be no answer, and no connection.
    void end(Failure why) {
        abandon();
        fail(std::move(why));
    }

private:
    void abandon() {
        if (this->transport() != nullptr) {
            this->transport()->abortConnection();
        }
    }

    Duration timeout_;
    std::string late_;
    DeferredSource<T> source_{[this](const Deferred<T>&) { abandon(); }};
    std::optional<Deferred<T>> result_ = source_.deferred();
};

/// Connects `client`, a OneAnswer, and gives its answer.
template <class Client>
auto askOnce(IStreamClientEndpoint& endpoint, const Ref<Client>& client) {
    return endpoint.connect(factoryOf([client](const Address&) { return client; }))
        .addCallback([client](const Ref<IProtocol>&) { return client->answer(); });
}

}  // namespace marline::detail
