// MemoryConnector: an attempt to connect of a MemoryReactor, and what the test makes of it.
#pragma once

#include <source_location>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/reactor.hpp>
#include <marline/reactor/testing/io_pump.hpp>
#include <marline/reactor/testing/memory_port.hpp>
#include <marline/reactor/time.hpp>

namespace marline::testing {

/// What connectTcp() or connectUnix() of a MemoryReactor made: it waits for the test (Twisted: an
/// entry of `MemoryReactor.tcpClients`, and `iosim.ConnectionCompleter`).
class MARLINE_API MemoryConnector final : public RefCounted {
public:
    /// What it was made with; of connectUnix()'s options the timeout, which counts on the reactor's
    /// clock.
    const Address& address() const noexcept { return address_; }
    const Ref<IProtocolFactory>& factory() const noexcept { return factory_; }
    const ConnectOptions& options() const noexcept { return options_; }
    const std::source_location& where() const noexcept { return where_; }
    /// True until it succeeds, fails, is cancelled or takes too long.
    bool pending() const noexcept { return pending_; }

    /// The connection stands, and `server` is its other end: both protocols have their
    /// makeConnection(), and then the Deferred fires. The pump lives as long as the reactor.
    ///
    /// Null, and the attempt fails, when the factory gives no protocol, or throws. Throws
    /// std::logic_error when it is not pending.
    IoPump* succeed(Ref<IProtocol> server);
    /// The same with a protocol of the port's; where that has none, the connection ends at once.
    IoPump* succeed(MemoryPort& port);
    /// The attempt fails. Throws std::logic_error when it is not pending.
    void fail(const Failure& why);

private:
    friend class MemoryReactor;

    MemoryConnector(MemoryReactor& reactor, Address address, Ref<IProtocolFactory> factory,
                    ConnectOptions options, const std::source_location& where);
    ~MemoryConnector() override = default;

    void begin();
    IoPump* join(Ref<IProtocol> server, const Address& from);
    std::string attempt() const;
    void mustWait(const char* what) const;
    DeferredSource<Ref<IProtocol>> end();

    MemoryReactor* reactor_;
    Address address_;
    Ref<IProtocolFactory> factory_;
    ConnectOptions options_;
    std::source_location where_;
    DelayedCall timer_;
    bool started_ = false;  // the factory, which is to be stopped then
    bool pending_ = true;
    DeferredSource<Ref<IProtocol>> source_;
};

}  // namespace marline::testing
