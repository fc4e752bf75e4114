// An endpoint whose connections are an IoPump to a protocol of the test's.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/testing/io_pump.hpp>

namespace marline::testing {

/// "Connects" what a factory builds to `server`, through `pump`, in pieces of `chunk` bytes.
class PumpEndpoint final : public IStreamClientEndpoint {
public:
    PumpEndpoint(std::unique_ptr<IoPump>& pump, Ref<IProtocol> server, std::size_t chunk)
        : pump_(pump), server_(std::move(server)), chunk_(chunk) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        Ref<IProtocol> client = factory->buildProtocol({});
        pump_ = std::make_unique<IoPump>(client, server_, IoPumpOptions{.chunk = chunk_});
        return succeed(client);
    }

private:
    std::unique_ptr<IoPump>& pump_;
    Ref<IProtocol> server_;
    std::size_t chunk_;
};

}  // namespace marline::testing
