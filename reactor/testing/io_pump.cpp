#include <marline/reactor/testing/io_pump.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace marline::testing {
namespace {

const IoPumpOptions& checked(const IoPumpOptions& options) {
    if (options.chunk == 0) {
        throw std::invalid_argument("IoPumpOptions::chunk is 0; a delivery brings 1 byte at least");
    }
    if (options.tick < Duration::zero()) {
        throw std::invalid_argument("IoPumpOptions::tick is negative");
    }
    return options;
}

Ref<IProtocol> checked(Ref<IProtocol> protocol) {
    if (!protocol) {
        throw std::invalid_argument("an IoPump without a protocol at each end");
    }
    return protocol;
}

}  // namespace

IoPump::IoPump(Ref<IProtocol> client, Ref<IProtocol> server, const IoPumpOptions& options)
    : options_(checked(options)), random_(options.seed),
      client_(checked(std::move(client)), options.client),
      server_(checked(std::move(server)), options.server) {
    client_.peer_ = &server_;
    server_.peer_ = &client_;
    server_.start();
    client_.start();
}

IoPump::~IoPump() { cut(Failure::make<ConnectionLost>("the pump is gone")); }

bool IoPump::pump() {
    if (pumping_) {
        throw std::logic_error("pump() inside of pump(): a transport delivers nothing in a call");
    }
    pumping_ = true;
    struct Done {
        ~Done() { pumping = false; }
        bool& pumping;
    } const done{pumping_};
    if (options_.clock != nullptr) {
        options_.clock->advance(options_.tick);
    }
    if (options_.seed != 0) {
        const bool serverFirst = (random_() & 1U) != 0;
        return step(serverFirst ? server_ : client_) || step(serverFirst ? client_ : server_);
    }
    const bool one = step(client_);
    const bool other = step(server_);
    return one || other;
}

std::size_t IoPump::flush() {
    std::size_t moves = 0;
    while (pump()) {
        if (++moves == kMostPumps) {
            throw std::logic_error("flush(): the two ends still talk after " +
                                   std::to_string(moves) + " pumps");
        }
    }
    return moves;
}

bool IoPump::step(MemoryTransport& end) {
    if (end.wouldDeliver() && ++deliveries_ == options_.failAt) {
        cut(Failure::make<ConnectionLost>("broken by the test at delivery " +
                                          std::to_string(deliveries_) +
                                          " (IoPumpOptions::failAt)"));
        return true;
    }
    return end.step(amount());
}

std::size_t IoPump::amount() {
    if (options_.seed == 0) {
        return options_.chunk;
    }
    // Of unlimited chunks a few bytes, mostly: that is where parsers are cut in the middle.
    constexpr std::size_t kMost = 4096;
    const std::size_t most = std::min(options_.chunk, (random_() & 1U) != 0 ? kMost : 16);
    return static_cast<std::size_t>(random_() % most) + 1;
}

void IoPump::cut(const Failure& why) {
    server_.lose(why);
    client_.lose(why);
}

void IoPump::whenEnded(MemoryTransport& end, UniqueFunction<void()> call) {
    if (end.ended()) {
        call();
    } else {
        end.whenEnded_ = std::move(call);
    }
}

}  // namespace marline::testing
