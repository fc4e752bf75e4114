// Servers that look something up for a client, and clients that ask one: ident and finger.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/gtest.hpp>
#include <marline/reactor/testing/io_pump.hpp>

#include <test/support/deferred_outcome.hpp>
#include <test/support/pump_endpoint.hpp>

namespace marline::testing {

/// One side under test, the other spoken by the test as `peer_`, in reads of the parameter's size.
class LookupTest : public TestCase, public ::testing::WithParamInterface<std::size_t> {
protected:
    /// What a server of `factory` says to `text`.
    std::string ask(IProtocolFactory& factory, std::string_view text) {
        peer_ = makeRef<AccumulatingProtocol>();
        pump_ = std::make_unique<IoPump>(peer_, factory.buildProtocol({}),
                                         IoPumpOptions{.chunk = GetParam()});
        peer_->write(text);
        pump_->flush();
        return peer_->take();
    }
    /// What is to come of `lookup`, a client that asks at the endpoint it is given.
    template <class Lookup>
    auto lookUp(Lookup lookup) {
        peer_ = makeRef<AccumulatingProtocol>();
        PumpEndpoint endpoint(pump_, peer_, GetParam());
        Outcome outcome(lookup(endpoint));
        pump_->flush();
        return outcome;
    }

    Clock clock_;
    std::unique_ptr<IoPump> pump_;
    Ref<AccumulatingProtocol> peer_;
};

}  // namespace marline::testing
