// A client that leaves while a server makes its answer, over sockets on loopback.
#pragma once

#include <concepts>
#include <string_view>

#include <marline/protocols/protocol.hpp>
#include <marline/reactor/listening_port.hpp>
#include <marline/reactor/testing/accumulating_protocol.hpp>
#include <marline/reactor/testing/gtest.hpp>

namespace marline::testing {

class LeavingTest : public ReactorTestCase {
protected:
    /// Says `text` to a server of `factory`, goes once `asked()`, and comes back when `letGo()` and
    /// the server's connection is gone.
    template <std::predicate Asked, std::predicate LetGo>
    void leave(const Ref<IProtocolFactory>& factory, std::string_view text, Asked asked,
               LetGo letGo) {
        const auto port = reactor().listenTcp(0, factory, {.interface = "127.0.0.1"});
        const auto client = makeRef<AccumulatingProtocol>();
        resultOf(reactor().connectTcp(port->getHost(),
                                      factoryOf([client](const Address&) { return client; })));
        client->write(text);
        runUntil(asked);
        EXPECT_FALSE(letGo());
        client->transport()->loseConnection();
        runUntil(letGo);
        runUntil([&] { return port->connections() == 0 && client->closed(); });
        resultOf(port->stopListening());
    }
};

}  // namespace marline::testing
