// A client connection with a scripted peer, as the tests of HttpConnection need it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <marline/agent/body.hpp>
#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/http/parse_error.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>

#include <test/support/outcome.hpp>
#include <test/support/scripted_endpoint.hpp>

namespace marline::testing {

using namespace std::chrono_literals;
using detail::Exchange;
using detail::ExchangeLimits;
using detail::HttpConnection;

/// Limits as a connection has them.
inline std::shared_ptr<const ExchangeLimits> shared(const ExchangeLimits& limits) {
    return std::make_shared<const ExchangeLimits>(limits);
}

/// Counts what the pool would be told.
class CountingOwner final : public detail::IConnectionOwner {
public:
    void connectionIdle(HttpConnection&) override { ++idle; }
    void connectionClosed(HttpConnection&) override { ++closed; }
    void connectionExpired(HttpConnection&) override { ++expired; }
    int idle = 0;
    int closed = 0;
    int expired = 0;
};

/// A body that the test writes.
class ManualBody final : public IBodyProducer {
public:
    explicit ManualBody(std::optional<std::uint64_t> length) : length_(length) {}

    std::optional<std::uint64_t> length() const override { return length_; }
    Deferred<> startProducing(IBodyConsumer& consumer) override {
        to = &consumer;
        consumer.write(asBytes(first));
        return done.deferred();
    }
    void write(std::string_view text) { to->write(asBytes(text)); }

    std::string first;  // written at once
    IBodyConsumer* to = nullptr;
    int cancelled = 0;
    DeferredSource<> done{[this](Deferred<>) { ++cancelled; }};

private:
    std::optional<std::uint64_t> length_;
};

/// One connection, fed in pieces of the parameter's size.
class HttpConnectionTest : public ::testing::TestWithParam<std::size_t> {
protected:
    HttpConnectionTest() {
        connection->setOwner(&owner);
        peer.connect(connection);
    }
    ~HttpConnectionTest() override {
        peer.lose();
        connection.reset();
        EXPECT_EQ(clock.pendingCalls(), 0U) << "a timer is left";
    }

    Outcome<Response> request(const char* method = "GET", Ref<IBodyProducer> body = {},
                              bool expectsContinue = false) {
        return Outcome<Response>(connection->request(makeRef<Exchange>(
            method, Uri::parse("http://h/x").value(), "HEAD-OF-REQUEST\r\n\r\n", std::move(body),
            detail::ExchangeTraits{.expectsContinue = expectsContinue, .offeredUpgrade = {}})));
    }
    void answer(std::string_view text) { peer.send(text, GetParam()); }

    NoUnhandled unhandled;
    testing::Clock clock;
    CountingOwner owner;
    ScriptedConnection peer;
    Ref<HttpConnection> connection = makeRef<HttpConnection>(clock, shared({60s, 30s, {}}));
};

inline Ref<BodyRecorder> deliver(const Response& response) {
    auto body = makeRef<BodyRecorder>();
    response.deliverBody(body);
    return body;
}

}  // namespace marline::testing
