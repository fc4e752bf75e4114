// DeferredSemaphore against a model: a random program of acquiring, releasing and cancelling.
#include <marline/deferred/lock.hpp>

#include <cstddef>
#include <deque>
#include <iterator>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <marline/deferred/failure.hpp>

namespace {

using marline::Deferred;
using marline::DeferredSemaphore;
using marline::Failure;
using marline::LockGuard;

/// Who holds a token and who waits, as the numbered statements have it.
struct Model {
    explicit Model(std::size_t tokens) : free(tokens) {}

    void acquire(int id) {
        if (free != 0) {
            --free;
            holders.push_back(id);
        } else {
            waiters.push_back(id);
        }
    }
    void release(int id) {
        std::erase(holders, id);
        if (waiters.empty()) {
            ++free;
        } else {
            holders.push_back(waiters.front());
            waiters.pop_front();
        }
    }
    void cancel(int id) { std::erase(waiters, id); }

    std::size_t free;
    std::vector<int> holders;  // in the order of their turns
    std::deque<int> waiters;
};

/// The real one, with everybody's Deferred and guard.
struct Real {
    explicit Real(std::size_t tokens) : semaphore(tokens) {}

    void acquire(int id) {
        Deferred<LockGuard> turn = semaphore.acquire();
        turns.emplace(id, turn);
        turn.addCallbacks(
            [this, id](LockGuard guard) {
                guards.emplace(id, std::move(guard));
                holders.push_back(id);
            },
            [this](const Failure&) { ++cancelled; });
    }
    void release(int id) {
        std::erase(holders, id);
        LockGuard guard = std::move(guards.at(id));
        guards.erase(id);
        guard.release();
    }
    void cancel(int id) { turns.at(id).cancel(); }

    DeferredSemaphore semaphore;
    std::map<int, Deferred<LockGuard>> turns;
    std::map<int, LockGuard> guards;
    std::vector<int> holders;
    int cancelled = 0;
};

/// Runs `steps` random steps on both, and compares them after each.
void compare(unsigned seed, std::size_t tokens, int steps) {
    std::mt19937 random(seed);
    Model model(tokens);
    Real real(tokens);
    int cancelled = 0;
    for (int id = 0; id < steps; ++id) {
        switch (random() % 4) {
        case 0:
        case 1:
            model.acquire(id);
            real.acquire(id);
            break;
        case 2:
            if (!model.holders.empty()) {
                const int holder = model.holders[random() % model.holders.size()];
                model.release(holder);
                real.release(holder);
            }
            break;
        default:
            if (!real.turns.empty()) {
                // A holder, a waiter or one that is through: only a waiter's changes anything.
                const auto any = std::next(
                    real.turns.begin(), static_cast<std::ptrdiff_t>(random() % real.turns.size()));
                const auto before = model.waiters.size();
                model.cancel(any->first);
                cancelled += static_cast<int>(before - model.waiters.size());
                real.cancel(any->first);
            }
        }
        ASSERT_EQ(real.holders, model.holders) << "seed " << seed << ", step " << id;
        ASSERT_EQ(real.semaphore.waiting(), model.waiters.size());
        ASSERT_EQ(real.semaphore.tokens(), model.free);
        ASSERT_EQ(real.cancelled, cancelled);
    }
    while (!model.holders.empty()) {
        const int holder = model.holders.front();
        model.release(holder);
        real.release(holder);
        ASSERT_EQ(real.holders, model.holders);
    }
    EXPECT_EQ(real.semaphore.tokens(), tokens);
}

// LK-1, LK-2, LK-5, LK-7, LK-8: whatever the order of events, the line is kept.
TEST(LockModel, theLineIsKept) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        compare(seed, 1 + seed % 3, 300);
    }
}

}  // namespace
