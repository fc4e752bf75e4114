// What comes over a connection, and what is answered later, for fuzzers of protocols.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::testing {

/// Brings `read` to `protocol` in memory of its own, so that a sanitizer sees who reads beyond its
/// end, or later.
inline void deliver(IProtocol& protocol, std::string_view read) {
    const std::vector<std::byte> exact(asBytes(read).begin(), asBytes(read).end());
    protocol.dataReceived(exact);
}

/// Answers at once, or when it is told to.
template <class T>
class Later {
public:
    Deferred<T> answer(T value, bool later) {
        if (!later) {
            return succeed(std::move(value));
        }
        waiting_.emplace_back(DeferredSource<T>(), std::move(value));
        return waiting_.back().first.deferred();
    }
    /// Answers what waits now. True when there was something.
    bool finish() {
        std::vector<std::pair<DeferredSource<T>, T>> due = std::exchange(waiting_, {});
        for (auto& [source, value] : due) {
            if (source.pending()) {
                source.callback(std::move(value));
            }
        }
        return !due.empty();
    }

private:
    std::vector<std::pair<DeferredSource<T>, T>> waiting_;
};

}  // namespace marline::testing
