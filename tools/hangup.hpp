// SIGHUP, told to a reactor.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include <marline/marline.hpp>

namespace tools {

/// Calls a function on the reactor's thread at every SIGHUP, which does not end the process
/// meanwhile. One at a time, made before other threads are.
class HangupSignal {
public:
    HangupSignal(marline::Reactor& reactor, std::function<void()> call);
    HangupSignal(const HangupSignal&) = delete;
    HangupSignal& operator=(const HangupSignal&) = delete;
    ~HangupSignal();

private:
    std::atomic<bool> over_ = false;
    std::thread waiting_;
};

}  // namespace tools
