// Work bit by bit, again and again, and later: adds numbers up while a display goes on.
#include <chrono>
#include <cstdint>
#include <iostream>
#include <ranges>

#include <marline/marline.hpp>

using namespace marline;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kNumbers = 100'000;

/// One number is one step; between them the reactor does what else is due.
class Sum : public RefCounted {
public:
    Deferred<> add(Reactor& reactor) {
        const Ref<Sum> self(this);
        return coiterate(reactor, std::views::iota(std::uint64_t{1}, kNumbers + 1) |
                                      std::views::transform([self](std::uint64_t number) {
                                          return self->total += number;
                                      }));
    }

    std::uint64_t total = 0;
};

Deferred<> count(Reactor& reactor) {
    const auto sum = makeRef<Sum>();
    LoopingCall display(reactor, [sum] { std::cout << "so far: " << sum->total << '\n'; });
    display.start(5ms, false);
    return sum->add(reactor)
        .addCallback([display]() mutable { display.stop(); })
        .addCallback([&reactor, sum] {
            std::cout << "the sum: " << sum->total << '\n';
            return deferLater(reactor, 10ms, [sum] {
                if (sum->total != kNumbers * (kNumbers + 1) / 2) {
                    throw SystemExit(1);
                }
            });
        });
}

}  // namespace

int main() { return react(count); }
