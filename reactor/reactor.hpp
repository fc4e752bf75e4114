// Reactor: the event loop, and what happens on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/address.hpp>
#include <marline/reactor/connect_options.hpp>
#include <marline/reactor/descriptor.hpp>
#include <marline/reactor/health.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/listening_port.hpp>
#include <marline/reactor/process_options.hpp>
#include <marline/reactor/system_event.hpp>
#include <marline/reactor/time.hpp>
#include <marline/reactor/udp.hpp>
#include <marline/reactor/unix.hpp>

struct event_base;

namespace marline {

class IProcessProtocol;
class IProcessTransport;
class IResolver;
class ThreadPool;
class TlsContext;

/// The event loop (Twisted: `reactor`). An object: as many as there are threads for them, and none
/// is global. It owns the transports it makes.
///
///     Reactor reactor;
///     reactor.listenTcp(8080, makeRef<EchoFactory>());
///     reactor.run();
///
/// All of it belongs to the thread that made it, or the one that runs it once that has begun.
/// Others may only call callFromThread(), callInThread(), threadPool(), isInIoThread(), and what
/// threads.hpp has for them. After run() has returned it may be called again. Errors that callbacks
/// throw are logged, and the loop goes on. An empty function is refused with std::invalid_argument
/// wherever one is given. For tests there is testing::MemoryReactor, with no network and a time of
/// its own.
class MARLINE_API Reactor : public IReactorTime, public IReactorFdSet {
public:
    /// Throws std::system_error when the system gives no event loop.
    Reactor();
    /// A reactor on a libevent loop of the program's own, which must outlive it and have
    /// edge-triggered events; else this throws std::invalid_argument. It may be run from here, or
    /// by its owner with event_base_loop() and kin: then connections, calls and threads are served
    /// as they are inside of run(), but no event of startup or shutdown happens, and running() is
    /// false. The loop never runs out of events while the reactor lives.
    explicit Reactor(event_base* base);
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;
    /// Closes every connection and port, with ConnectionLost, and forgets the pending calls.
    ~Reactor() override;

    /// Runs until stop(), and through the shutdown that follows. SIGINT (unless the program has a
    /// handler of its own) and SIGTERM stop the first reactor that runs, the others are left
    /// alone. Calls that are pending at the end stay for the next run(). Throws
    /// ReactorAlreadyRunning inside of run() or iterate().
    void run();
    /// Begins the shutdown: it runs from the loop, not from here. Throws ReactorNotRunning when
    /// the reactor does not run or is stopping.
    void stop();
    /// Leaves run() after this turn without a shutdown: everything stays as it is.
    void crash();
    /// Runs what is due and what is ready, waiting `wait` for it at most. Throws
    /// ReactorAlreadyRunning inside of run() or iterate().
    void iterate(Duration wait = Duration::zero());
    /// True from the end of the triggers before the startup until the shutdown closes the
    /// transports.
    bool running() const noexcept;
    /// The signal that stopped the reactor, 0 when none did.
    int stoppedBySignal() const noexcept;

    /// Calls `call` once the reactor runs: at once when it does, and gives nothing. Else at its
    /// start, in order, as a trigger after it, whose name this gives for
    /// removeSystemEventTrigger().
    std::optional<TriggerId> callWhenRunning(UniqueFunction<void()> call);
    /// Calls `call` on the reactor's thread, from a later turn. Thread-safe. Calls from one thread
    /// stay in order; what is not run when the reactor goes is dropped.
    void callFromThread(UniqueFunction<void()> call);
    /// Runs `call` in a thread of threadPool(), and throws as ThreadPool::callInThread() does.
    /// Thread-safe. For its outcome see deferToThread().
    void callInThread(UniqueFunction<void()> call);
    /// The reactor's own threads: run() starts them, and joins them at the end of the shutdown
    /// (Twisted: `getThreadPool`). Thread-safe. Who only uses iterate() starts it himself.
    ThreadPool& threadPool() const noexcept;
    /// Sets how many threads threadPool() may have.
    void suggestThreadPoolSize(std::size_t threads);
    /// True in the reactor's own thread (Twisted: `isInIOThread`). Thread-safe.
    bool isInIoThread() const noexcept;
    /// Runs `trigger` in the given phase of the event, once. What it throws is logged.
    TriggerId addSystemEventTrigger(Phase phase, SystemEvent event,
                                    UniqueFunction<Deferred<>()> trigger);
    /// Forgets a trigger that has not run yet; throws std::invalid_argument for any other.
    void removeSystemEventTrigger(TriggerId id);

    Duration seconds() const noexcept override;
    DelayedCall callLater(Duration delay, UniqueFunction<void()> call,
                          std::source_location where = std::source_location::current()) override;
    /// A handle of each call made by callLater() that is pending, in no promised order.
    virtual std::vector<DelayedCall> getDelayedCalls();
    /// How many there are.
    virtual std::size_t pendingCalls() const noexcept;

    /// Accepts connections on `port` (0: any free one) for `factory`. Binds at once, and throws
    /// CannotListenError when it cannot.
    virtual Ref<IListeningPort> listenTcp(
        std::uint16_t port, Ref<IProtocolFactory> factory, const ListenOptions& options = {},
        std::source_location where = std::source_location::current());
    /// Connects to a numeric address; the Deferred fires with the factory's protocol after its
    /// makeConnection(), or fails with a ConnectError, from a later turn. Cancelling it stops the
    /// attempt. For names see HostnameEndpoint.
    virtual Deferred<Ref<IProtocol>> connectTcp(
        const Address& to, Ref<IProtocolFactory> factory, const ConnectOptions& options = {},
        std::source_location where = std::source_location::current());

    /// Accepts connections on the UNIX socket `path`, whose file is removed when the port stops; a
    /// path that begins with `@` or NUL is an abstract name. Throws CannotListenError.
    virtual Ref<IListeningPort> listenUnix(
        const std::string& path, Ref<IProtocolFactory> factory,
        const UnixListenOptions& options = {},
        std::source_location where = std::source_location::current());
    /// Connects to a UNIX socket, like connectTcp(). The transport is an IUnixTransport too, see
    /// asUnixTransport().
    virtual Deferred<Ref<IProtocol>> connectUnix(
        const std::string& path, Ref<IProtocolFactory> factory,
        const UnixConnectOptions& options = {},
        std::source_location where = std::source_location::current());
    /// Receives datagrams on `port` (0: any free one) for `protocol`, which is told so before this
    /// returns. Throws CannotListenError when it cannot, and what startProtocol() throws.
    virtual Ref<IListeningPort> listenUdp(
        std::uint16_t port, Ref<IDatagramProtocol> protocol, const UdpOptions& options = {},
        std::source_location where = std::source_location::current());

    /// Accepts connections on `fd`, which listens already (Twisted: `IReactorSocket`). These three
    /// work on a copy, and the caller keeps `fd`; they throw std::system_error when it is no such
    /// socket.
    Ref<IListeningPort> adoptStreamPort(
        int fd, Ref<IProtocolFactory> factory, std::size_t maxConnections = 10000,
        std::source_location where = std::source_location::current());
    /// Gives the protocol of a connection that stands, after its makeConnection(); an empty Ref
    /// when the factory has none.
    Ref<IProtocol> adoptStreamConnection(
        int fd, Ref<IProtocolFactory> factory,
        std::source_location where = std::source_location::current());
    /// Receives datagrams on `fd`, which is bound.
    Ref<IListeningPort> adoptDatagramPort(
        int fd, Ref<IDatagramProtocol> protocol, const UdpOptions& options = {},
        std::source_location where = std::source_location::current());
    void addReader(Ref<IReadWriteDescriptor> descriptor,
                   std::source_location where = std::source_location::current()) override;
    void addWriter(Ref<IReadWriteDescriptor> descriptor,
                   std::source_location where = std::source_location::current()) override;
    void removeReader(const Ref<IReadWriteDescriptor>& descriptor) override;
    void removeWriter(const Ref<IReadWriteDescriptor>& descriptor) override;
    std::vector<Ref<IReadWriteDescriptor>> removeAll() override;
    std::vector<Ref<IReadWriteDescriptor>> getReaders() const override;
    std::vector<Ref<IReadWriteDescriptor>> getWriters() const override;

    /// Starts `executable` as a child process with `args`, its own name among them. Without a slash
    /// it is searched for in the PATH of the child's environment, or in /bin and /usr/bin. When
    /// this returns the program runs and `protocol` has its makeConnection(). Throws SpawnError
    /// when it cannot be started, std::invalid_argument for options that contradict each other, and
    /// ReactorNotRunning while a shutdown closes everything. A child that outlives the reactor
    /// lives on.
    Ref<IProcessTransport> spawnProcess(
        Ref<IProcessProtocol> protocol, const std::string& executable,
        const std::vector<std::string>& args, const ProcessOptions& options = {},
        std::source_location where = std::source_location::current());

    /// Who finds the addresses of names: a CachingResolver around an AresResolver unless another
    /// one was installed (Twisted: `nameResolver`).
    const Ref<IResolver>& nameResolver();
    /// Replaces the resolver; users that look names up get it from now on.
    void installNameResolver(Ref<IResolver> resolver);
    /// What TLS clients trust: the system's certificates unless another one was installed.
    const TlsContext& clientTls();
    void installClientTls(TlsContext context);

    /// Begins to count how the reactor is doing, anew when it does so already, until
    /// ignoreHealth(). Throws std::invalid_argument for senseless options, and what the system says
    /// when it has no thread or signal for them.
    void watchHealth(const HealthOptions& options = {});
    void ignoreHealth();
    /// What was counted since watchHealth(), without which this throws std::logic_error.
    HealthReport health() const;
    /// What is open and pending, and where that was made, as text of several lines for people;
    /// with health() when it is watched. Up to 100 of each kind are listed.
    std::string dump() const;
    /// Of that the pending delayed calls, without an end of the last line.
    std::string dumpCalls() const;
    /// What is open or pending, and where that was made, a line each: nothing is to be left behind
    /// by a test.
    virtual std::vector<std::string> leftovers() const;

    /// The libevent loop underneath, for libraries that bring an adapter for it. It has no locks.
    event_base* eventBase() const noexcept;

    /// Internal.
    struct Parts;
    Parts& parts() const noexcept { return *parts_; }

protected:
    /// Internal: one turn of the loop, and the end of all that is open.
    virtual void turn(Duration wait);
    virtual void closeAll();

private:
    bool isActive(std::uint32_t slot, std::uint32_t generation) const noexcept override;
    void cancelCall(std::uint32_t slot, std::uint32_t generation) override;
    void moveCall(std::uint32_t slot, std::uint32_t generation, Duration due) override;
    Duration dueTime(std::uint32_t slot, std::uint32_t generation) const override;

    void ownersTurn();
    void serveTurn();
    void endOfHealthTurn();
    void runDueCalls();
    void startUp();
    void shutDown();
    void endThreads();

    std::unique_ptr<Parts> parts_;
};

}  // namespace marline
