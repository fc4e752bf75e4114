// Internal: the Deferreds that wait for their turn, first come, first served.
#pragma once

#include <cstddef>
#include <source_location>
#include <stdexcept>
#include <utility>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/failure.hpp>

namespace marline::detail {

/// A queue of unfired Deferred<T>. Cancelling one takes it out of the queue, in constant time.
///
/// A place in the queue lies in its Deferred's own memory, as its canceller: waiting allocates
/// nothing beyond the Deferred. What still waits when the list goes fails with DeferredLost, and
/// nobody can begin to wait then.
template <class T>
class WaitList {
public:
    WaitList() noexcept = default;
    WaitList(const WaitList&) = delete;
    WaitList& operator=(const WaitList&) = delete;
    ~WaitList() {
        closing_ = true;
        while (!empty()) {
            Deferred<T> waiter = pop();
            if (waiter.chain().observed()) {
                waiter.errback(Failure::make<DeferredLost>());
            }
        }
    }

    bool empty() const noexcept { return first_ == nullptr; }
    std::size_t size() const noexcept { return size_; }

    /// A new Deferred at the end of the queue.
    Deferred<T> push(const std::source_location& where) {
        if (closing_) {
            throw std::logic_error(
                "a turn or an object was asked for while the queue was being destroyed: whoever "
                "gets DeferredLost must not ask it again");
        }
        Deferred<T> waiter(Place(*this), where);
        last_->chain = Deferred<T>(waiter).releaseChain();
        return waiter;
    }

    /// Lets go of the oldest ones that nobody could tell of what becomes of them; true when there
    /// is another one.
    bool anyoneWaits() noexcept {
        while (!empty() && !first_->chain->observed()) {
            pop();
        }
        return !empty();
    }

    /// Takes the oldest out of the queue, unfired; there must be one.
    Deferred<T> pop() noexcept { return first_->leave(); }

private:
    /// One waiter. It is linked from the start, and mends the links when it moves: it ends up in
    /// the chain that it keeps alive for as long as it is linked.
    class Place {
    public:
        explicit Place(WaitList& list) noexcept : list_(&list), previous_(list.last_) {
            relink(this, this);
            ++list.size_;
        }
        Place(Place&& other) noexcept
            : chain(std::exchange(other.chain, nullptr)),
              list_(std::exchange(other.list_, nullptr)), previous_(other.previous_),
              next_(other.next_) {
            if (list_ != nullptr) {
                relink(this, this);
            }
        }
        Place& operator=(Place&&) = delete;
        ~Place() { leave(); }

        /// As the canceller, which lets the Deferred fail with CancelledError.
        void operator()(Deferred<T>) { leave(); }

        Deferred<T> leave() noexcept {
            if (list_ != nullptr) {
                relink(next_, previous_);
                --list_->size_;
                list_ = nullptr;
            }
            return Deferred<T>::adopt(std::exchange(chain, nullptr));
        }

        Chain* chain = nullptr;

    private:
        /// Lets the neighbours, or the list's ends, point at these.
        void relink(Place* after, Place* before) noexcept {
            (previous_ != nullptr ? previous_->next_ : list_->first_) = after;
            (next_ != nullptr ? next_->previous_ : list_->last_) = before;
        }

        WaitList* list_;
        Place* previous_;
        Place* next_ = nullptr;
    };

    Place* first_ = nullptr;
    Place* last_ = nullptr;
    std::size_t size_ = 0;
    bool closing_ = false;
};

}  // namespace marline::detail
