// An endpoint whose connection is a StringTransport, for fuzzers of clients.
#pragma once

#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/testing/string_transport.hpp>

namespace marline::testing {

/// "Connects" at once, to `transport`.
class StringEndpoint final : public IStreamClientEndpoint {
public:
    explicit StringEndpoint(StringTransport& transport) : transport_(transport) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        protocol = factory->buildProtocol({});
        protocol->makeConnection(transport_);
        return succeed(protocol);
    }

    Ref<IProtocol> protocol;

private:
    StringTransport& transport_;
};

}  // namespace marline::testing
