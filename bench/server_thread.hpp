// A server in a thread of its own, so that its CPU can be told from its clients'.
#pragma once

#include <ctime>
#include <exception>
#include <future>
#include <thread>
#include <utility>

#include <marline/reactor/reactor.hpp>

#include <pthread.h>

namespace marline::bench {

/// CPU time of the calling thread, in seconds.
inline double threadCpuSeconds() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

/// Runs a reactor until it goes.
class ServerThread {
public:
    /// Calls `serve(reactor)` in the thread; what that throws leaves this.
    template <class Serve>
    explicit ServerThread(Serve serve)
        : thread_([this, serve = std::move(serve)]() mutable {
              Reactor reactor;
              try {
                  serve(reactor);
              } catch (...) {
                  started_.set_exception(std::current_exception());
                  return;
              }
              started_.set_value(&reactor);
              reactor.run();
          }) {
        try {
            reactor_ = started_.get_future().get();
        } catch (...) {
            thread_.join();
            throw;
        }
    }
    ServerThread(const ServerThread&) = delete;
    ServerThread& operator=(const ServerThread&) = delete;
    ~ServerThread() {
        reactor_->callFromThread([reactor = reactor_] { reactor->stop(); });
        thread_.join();
    }

    /// Runs `call` in the thread, and waits for it.
    template <class Call>
    void call(Call call) {
        std::promise<void> done;
        std::future<void> over = done.get_future();
        reactor_->callFromThread([&call, done = std::move(done)]() mutable {
            call();
            done.set_value();
        });
        over.get();
    }
    /// CPU time of the thread so far, in seconds.
    double cpuSeconds() {
        clockid_t clock{};
        timespec used{};
        if (::pthread_getcpuclockid(thread_.native_handle(), &clock) == 0) {
            ::clock_gettime(clock, &used);
        }
        return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
    }

private:
    std::promise<Reactor*> started_;
    Reactor* reactor_ = nullptr;
    std::thread thread_;
};

}  // namespace marline::bench
