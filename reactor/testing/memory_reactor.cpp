#include <marline/reactor/testing/memory_reactor.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include <marline/reactor/detail/watchdog.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::testing {
namespace {

bool sameHost(const std::string& listening, const std::string& wanted) {
    return listening == wanted || listening == "0.0.0.0" || listening == "::";
}

}  // namespace

MemoryReactor::MemoryReactor(MemoryReactorOptions options)
    : MemoryReactorClock{Clock(options.start)}, options_(std::move(options)),
      names_(makeRef<StaticResolver>()) {
    names_->add("localhost", 0, {Address::Kind::Ipv4, 0, "127.0.0.1"});
    installNameResolver(names_);
}

MemoryReactor::~MemoryReactor() {
    closeMemory("the reactor is gone");
    for (DelayedCall& call : getDelayedCalls()) {
        call.cancel();
    }
}

// What the test drives.

std::size_t MemoryReactor::completeConnections() {
    std::size_t completed = 0;
    for (const auto* list : {&tcpClients_, &unixClients_}) {
        for (std::size_t i = 0; i < list->size(); ++i) {
            const Ref<MemoryConnector> attempt = (*list)[i];
            if (!attempt->pending()) {
                continue;
            }
            ++completed;
            if (MemoryPort* port = portAt(attempt->address())) {
                attempt->succeed(*port);
            } else {
                attempt->fail(Failure::make<ConnectionRefusedError>(
                    attempt->attempt(), std::make_error_code(std::errc::connection_refused)));
            }
        }
    }
    return completed;
}

bool MemoryReactor::pump() {
    if (pumping_) {
        throw std::logic_error("pump() inside of pump(): a transport delivers nothing in a call");
    }
    pumping_ = true;
    struct Done {
        ~Done() { pumping = false; }
        bool& pumping;
    } const done{pumping_};
    bool moved = runPumpCalls();
    moved = runDue() || moved;
    if (options_.connects) {
        moved = completeConnections() > 0 || moved;
    }
    for (std::size_t i = 0; i < moving_.size(); ++i) {
        moved = moving_[i]->pump() || moved;
    }
    std::erase_if(moving_, [](const IoPump* pump) { return pump->ended(); });
    return moved;
}

std::size_t MemoryReactor::flush() {
    std::size_t moves = 0;
    while (pump()) {
        if (++moves == IoPump::kMostPumps) {
            throw std::logic_error("flush(): something still moves after " + std::to_string(moves) +
                                   " pumps");
        }
    }
    return moves;
}

void MemoryReactor::advance(Duration by) {
    if (by < Duration::zero()) {
        throw std::invalid_argument("MemoryReactor::advance() by a negative time");
    }
    const Duration end = later(seconds(), by);
    flush();
    while (seconds() < end) {
        const Duration next = std::min(clock().nextCall().value_or(end), end);
        runDue(next - seconds());
        flush();
    }
}

/// Lets time pass and runs what is due, each call whatever the others throw.
bool MemoryReactor::runDue(Duration by) {
    try {
        return clock().turn(by);
    } catch (...) {
        log(LogLevel::Error, "exception in a delayed call: " + Failure::current().brief());
        return true;
    }
}

bool MemoryReactor::runPumpCalls() {
    std::vector<UniqueFunction<void()>> calls = std::exchange(pumpCalls_, {});
    for (UniqueFunction<void()>& call : calls) {
        call();
    }
    return !calls.empty();
}

/// A turn of run() or iterate(). One that served something real does not go on to wait for more:
/// what was served may be all that will come, or may have stopped the reactor.
void MemoryReactor::turn(Duration wait) {
    if (pump() || wait <= Duration::zero()) {
        Reactor::turn(Duration::zero());
        return;
    }
    if (wait == Duration::max() && !clock().nextCall()) {
        Reactor::turn(wait);  // a thread, a child or a signal has the next word
        return;
    }
    // What is real comes before a jump of the time.
    Reactor::turn(Duration::zero());
    if (pump()) {
        return;
    }
    const Duration end = wait == Duration::max() ? wait : later(seconds(), wait);
    const Duration next = std::min(clock().nextCall().value_or(end), end);
    if (next != Duration::max()) {
        runDue(next - seconds());
    }
}

DelayedCall MemoryReactor::callLater(Duration delay, UniqueFunction<void()> call,
                                     std::source_location where) {
    return clock().callLater(delay, std::move(call), where);
}

// Connections.

IoPump& MemoryReactor::join(Ref<IProtocol> client, Ref<IProtocol> server, const Address& from,
                            const Address& to) {
    IoPumpOptions options = options_.pumps;
    options.clock = nullptr;
    options.client = from;
    options.server = to;
    if (options.seed != 0) {
        options.seed += pumps_.size();  // each connection moves in its own way
    }
    pumps_.push_back(std::make_unique<IoPump>(std::move(client), std::move(server), options));
    moving_.push_back(pumps_.back().get());
    return *pumps_.back();
}

/// Where a client that connects to `to` comes from.
Address MemoryReactor::clientAddress(const Address& to) {
    if (to.kind == Address::Kind::Unix) {
        return {Address::Kind::Unix, 0, ""};
    }
    return {to.kind, nextPort_++, to.kind == Address::Kind::Ipv6 ? "::1" : "127.0.0.1"};
}

MemoryPort* MemoryReactor::portAt(const Address& to) const noexcept {
    const bool isUnix = to.kind == Address::Kind::Unix;
    for (const Ref<MemoryPort>& port : isUnix ? unixServers_ : tcpServers_) {
        const Address& host = port->getHost();
        if (port->listening() && host.port == to.port &&
            (isUnix ? host.host == to.host : sameHost(host.host, to.host))) {
            return port.get();
        }
    }
    return nullptr;
}

// The end.

void MemoryReactor::closeAll() {
    closeMemory("the reactor stopped");
    Reactor::closeAll();
}

void MemoryReactor::closeMemory(const char* why) {
    const Failure lost = Failure::make<ConnectionLost>(why);
    const auto guarded = [](const auto& call) {
        try {
            call();
        } catch (...) {
            log(LogLevel::Error,
                "exception at the end of a port or descriptor: " + Failure::current().brief());
        }
    };
    // By index: what is closed may open something new, which is closed as well.
    for (auto* list : {&tcpServers_, &unixServers_}) {
        for (std::size_t i = 0; i < list->size(); ++i) {
            guarded([port = (*list)[i]] { port->close(); });
        }
    }
    for (std::size_t i = 0; i < udpPorts_.size(); ++i) {
        guarded([port = udpPorts_[i]] { port->close(); });
    }
    for (auto* list : {&tcpClients_, &unixClients_}) {
        for (std::size_t i = 0; i < list->size(); ++i) {
            if (const Ref<MemoryConnector> attempt = (*list)[i]; attempt->pending()) {
                attempt->fail(lost);
            }
        }
    }
    for (std::size_t i = 0; i < pumps_.size(); ++i) {
        pumps_[i]->cut(lost);
    }
    for (const Ref<IReadWriteDescriptor>& descriptor : removeAll()) {
        guarded([&] { descriptor->connectionLost(lost); });
    }
    runPumpCalls();
}

std::vector<std::string> MemoryReactor::leftovers() const {
    std::vector<std::string> lines = Reactor::leftovers();
    const auto note = [&](const char* what, const auto& thing, const Address& address) {
        lines.push_back(what + address.toString() + detail::madeAt(thing->where()));
    };
    for (const auto* list : {&tcpServers_, &unixServers_}) {
        for (const Ref<MemoryPort>& port : *list) {
            if (port->listening()) {
                note("a port on ", port, port->getHost());
            }
        }
    }
    for (const Ref<MemoryDatagramPort>& port : udpPorts_) {
        if (port->listening()) {
            note("a UDP port on ", port, port->getHost());
        }
    }
    for (const auto* list : {&tcpClients_, &unixClients_}) {
        for (const Ref<MemoryConnector>& attempt : *list) {
            if (attempt->pending()) {
                note("an attempt to connect to ", attempt, attempt->address());
            }
        }
    }
    for (IoPump* pump : moving_) {
        if (!pump->ended()) {
            lines.push_back("a connection of " + pump->client().getHost().toString() + " with " +
                            pump->server().getHost().toString());
        }
    }
    for (const auto* list : {&readers_, &writers_}) {
        for (const Ref<IReadWriteDescriptor>& descriptor : *list) {
            lines.push_back(
                "descriptor " + std::to_string(descriptor->fileno()) +
                (list == &readers_ ? ", watched for reading" : ", watched for writing"));
        }
    }
    const std::vector<std::string> calls = MemoryReactorClock::clock.leftovers();
    lines.insert(lines.end(), calls.begin(), calls.end());
    return lines;
}

}  // namespace marline::testing
