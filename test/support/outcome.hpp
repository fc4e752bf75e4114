// What came of a body.
#pragma once

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <marline/agent/response.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/reactor/interfaces.hpp>

#include <test/support/deferred_outcome.hpp>

namespace marline::testing {

/// Reads a body and remembers all that it was told.
class BodyRecorder : public IProtocol {
public:
    void makeConnection(ITransport& transport) override {
        transport_ = &transport;
        ++connections;
    }
    void dataReceived(std::span<const std::byte> data) override {
        EXPECT_FALSE(end.has_value()) << "data behind the end";
        text += asText(data);
        if (pauseAt && text.size() >= *pauseAt) {
            pauseAt.reset();
            transport_->pauseProducing();
        }
    }
    void connectionLost(const Failure& reason) override {
        EXPECT_FALSE(end.has_value()) << "two ends";
        end = reason;
    }

    template <class E>
    bool endedWith() const {
        return end && end->check<E>() != nullptr;
    }
    ITransport& transport() const { return *transport_; }

    std::string text;
    std::optional<Failure> end;
    std::optional<std::size_t> pauseAt;  // pause once, when so many bytes are there
    int connections = 0;

private:
    ITransport* transport_ = nullptr;
};

}  // namespace marline::testing
