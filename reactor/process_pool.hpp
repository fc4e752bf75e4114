// ProcessPool: many programs, some at a time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/process_output.hpp>

namespace marline {

class Reactor;

/// How many programs a ProcessPool runs.
struct ProcessPoolOptions {
    /// Programs at a time; further ones wait, first come, first served. 0: one a processor.
    std::size_t maxProcesses = 0;
    /// Programs that may wait; one more fails with ProcessPoolFull. 0: no limit.
    std::size_t maxWaiting = 100000;
};

/// A ProcessPool has as many programs waiting as it may.
class MARLINE_API ProcessPoolFull : public Error {
public:
    using Error::Error;
};

/// Runs programs as getProcessOutputAndValue() does, a bounded number at a time.
///
///     ProcessPool pool(reactor, {.maxProcesses = 4});
///     for (const auto& image : images) {
///         done.push_back(pool.run("convert", {image, image + ".png"}));
///     }
///
/// A cheap handle: copies share one pool, and what runs or waits does not need one. Reactor thread
/// only.
class MARLINE_API ProcessPool {
public:
    explicit ProcessPool(Reactor& reactor, const ProcessPoolOptions& options = {});
    ProcessPool(const ProcessPool& other) noexcept;
    ProcessPool& operator=(const ProcessPool& other) noexcept;
    ~ProcessPool();

    /// Runs a program when there is room. Fails as getProcessOutputAndValue() does, with
    /// ProcessPoolFull, and also with what spawnProcess() throws. Cancelling the Deferred takes the
    /// program out of the queue, or kills it.
    Deferred<ProcessOutput> run(const std::string& executable,
                                const std::vector<std::string>& args = {},
                                const ProcessOutputOptions& options = {});

    /// Programs that run, and that wait.
    std::size_t running() const noexcept;
    std::size_t waiting() const noexcept;
    /// How many may run at a time.
    std::size_t maxProcesses() const noexcept;

private:
    struct State;
    Ref<State> state_;
};

}  // namespace marline
