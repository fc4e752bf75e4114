// Who hears what the library has to say.
#include <marline/reactor/log.hpp>

#include <atomic>
#include <latch>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace {

using namespace marline;

std::string wanted;  // set up before the observer, and read by it in another thread
std::atomic<int> heard = 0;

void countWanted(LogLevel, std::string_view message) noexcept {
    if (message == wanted) {
        ++heard;
    }
}

// An observer sees, in every thread, what was set up for it before it was set.
TEST(Log, observersSeeWhatWasSetUpForThem) {
    wanted.clear();
    heard = 0;
    std::latch logging(1);
    std::thread thread([&] {
        logging.count_down();
        while (heard == 0) {
            log(LogLevel::Debug, "a message longer than a string keeps in itself");
        }
    });
    logging.wait();
    wanted = "a message longer than a string keeps in itself";
    const LogObserver before = setLogObserver(&countWanted);
    thread.join();
    setLogObserver(before);
    EXPECT_GE(heard, 1);
}

std::atomic<int> everHeard = 0;
void hearAll(LogLevel, std::string_view) noexcept { ++everHeard; }
void hearAllToo(LogLevel, std::string_view) noexcept { ++everHeard; }

// Observers and levels change while threads log: each message is heard once, by one of them.
TEST(Log, observersChangeWhileThreadsLog) {
    constexpr int kThreads = 3;
    constexpr int kMessages = 2000;
    everHeard = 0;
    const LogObserver before = setLogObserver(&hearAll);
    const LogLevel level = logLevel();
    std::latch begun(kThreads + 1);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            begun.arrive_and_wait();
            for (int i = 0; i < kMessages; ++i) {
                log(logLevel(), "message");
            }
        });
    }
    begun.arrive_and_wait();
    for (int i = 0; i < 500; ++i) {
        EXPECT_EQ(setLogObserver(&hearAllToo), &hearAll);
        setLogLevel(i % 2 == 0 ? LogLevel::Debug : LogLevel::Critical);
        EXPECT_EQ(setLogObserver(&hearAll), &hearAllToo);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    setLogLevel(level);
    setLogObserver(before);
    EXPECT_EQ(everHeard, kThreads * kMessages);
}

}  // namespace
