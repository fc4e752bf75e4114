// DeferredQueue<T>: objects for whoever asks for the next one, bounded both ways.
#pragma once

#include <concepts>
#include <cstddef>
#include <limits>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/detail/ring.hpp>
#include <marline/deferred/detail/wait_list.hpp>
#include <marline/deferred/errors.hpp>

namespace marline {

/// A put() into a DeferredQueue that is full (Twisted: `defer.QueueOverflow`).
class MARLINE_API QueueOverflow : public Error {
public:
    explicit QueueOverflow(std::size_t size)
        : Error("put() into a DeferredQueue that holds " + std::to_string(size) +
                " objects, which is its .size: nobody gets them as fast as they come") {}
    using Error::Error;
};

/// A get() from a DeferredQueue that has as many waiters as it may (Twisted:
/// `defer.QueueUnderflow`).
class MARLINE_API QueueUnderflow : public Error {
public:
    explicit QueueUnderflow(std::size_t backlog)
        : Error("get() from an empty DeferredQueue with " + std::to_string(backlog) +
                " waiters, which is its .backlog: nobody puts objects as fast as they are wanted") {
    }
    using Error::Error;
};

/// How much a DeferredQueue takes.
struct DeferredQueueLimits {
    /// As good as without a limit.
    static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

    /// Objects that are kept for later get()s; zero lets put() succeed only while somebody waits.
    std::size_t size = kUnlimited;
    /// get()s that may wait; zero lets get() succeed only while there are objects.
    std::size_t backlog = kUnlimited;
};

/// Objects and those who wait for them, both first in, first out (Twisted: `DeferredQueue`).
///
///     DeferredQueue<Job> jobs({.size = 1000});
///     jobs.get().addCallback([](Job job) { … });
///     jobs.put(Job{…});
///
/// It belongs to one thread. A get() that still waits when the queue goes fails with DeferredLost;
/// another get() made then throws std::logic_error, so a consumer that loops ends at its first
/// error and does not catch it inside the loop.
template <class T>
class DeferredQueue {
    static_assert(!std::is_void_v<T>,
                  "marline: DeferredQueue<void> has nothing to keep; use a DeferredSemaphore");

public:
    /// An empty queue.
    explicit DeferredQueue(DeferredQueueLimits limits = {}) noexcept : limits_(limits) {}
    DeferredQueue(const DeferredQueue&) = delete;
    DeferredQueue& operator=(const DeferredQueue&) = delete;

    /// Gives `object` to the oldest waiter, whose callbacks run before this returns, or else keeps
    /// it. Throws QueueOverflow, at once, when `.size` objects are kept; `object` is then as it
    /// was.
    void put(T&& object) { putAny(std::move(object)); }
    void put(const T& object)
        requires std::copy_constructible<T>
    {
        putAny(object);
    }

    /// Fires with the oldest object: at once when one is kept, else when it comes. Cancelled while
    /// it waits it leaves the line, and the next object goes to the next waiter; later cancel()
    /// does nothing. One that nobody holds, waits for or has added to gets no object. Throws
    /// QueueUnderflow, at once, when `.backlog` get()s wait.
    ///
    ///     while (true) { handle(co_await jobs.get()); }
    Deferred<T> get(std::source_location where = std::source_location::current()) {
        if (!objects_.empty()) {
            Deferred<T> d(where);
            d.callback(objects_.pop());
            return d;
        }
        if (waiters_.size() >= limits_.backlog) {
            throw QueueUnderflow(limits_.backlog);
        }
        return waiters_.push(where);
    }

    /// Objects that are kept.
    std::size_t pending() const noexcept { return objects_.size(); }
    /// get()s that wait.
    std::size_t waiting() const noexcept { return waiters_.size(); }

private:
    template <class U>
    void putAny(U&& object) {
        if (waiters_.anyoneWaits()) {
            T given(std::forward<U>(object));  // what copying throws must not cost the waiter
            waiters_.pop().callback(std::move(given));
        } else if (objects_.size() < limits_.size) {
            objects_.push(std::forward<U>(object));
        } else {
            throw QueueOverflow(limits_.size);
        }
    }

    DeferredQueueLimits limits_;
    detail::Ring<T> objects_;
    detail::WaitList<T> waiters_;
};

}  // namespace marline
