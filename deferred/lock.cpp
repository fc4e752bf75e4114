#include <marline/deferred/lock.hpp>

#include <stdexcept>

#include <marline/deferred/detail/wait_list.hpp>

namespace marline {
namespace detail {

/// The tokens of one lock or semaphore, and who waits for them. It lives while a token is out.
class TokenPool final : public RefCounted {
public:
    explicit TokenPool(std::size_t tokens) noexcept : limit(tokens), free_(tokens) {}

    Deferred<LockGuard> acquire(const std::source_location& where) {
        if (left() == 0) {
            return waiters_.push(where);
        }
        Deferred<LockGuard> d(where);
        --free_;
        d.callback(LockGuard(Ref(this)));
        return d;
    }

    /// A waiter's callbacks often end its turn: that only counts, and the next one is called from
    /// here when they are through.
    void release() noexcept {
        ++free_;
        if (handing_) {
            return;
        }
        const Ref<TokenPool> alive(this);
        handing_ = true;
        while (free_ != 0 && !waiters_.empty()) {
            --free_;
            waiters_.pop().callback(LockGuard(alive));
        }
        handing_ = false;
    }

    /// A token on its way to a waiter is not free.
    std::size_t left() const noexcept { return waiters_.empty() ? free_ : 0; }
    std::size_t waiting() const noexcept { return waiters_.size(); }

    const std::size_t limit;

private:
    std::size_t free_;
    bool handing_ = false;
    WaitList<LockGuard> waiters_;
};

}  // namespace detail

LockGuard::LockGuard(Ref<detail::TokenPool> pool) noexcept : pool_(std::move(pool)) {}

LockGuard::LockGuard() noexcept = default;

LockGuard::LockGuard(LockGuard&& other) noexcept = default;

LockGuard& LockGuard::operator=(LockGuard&& other) noexcept {
    LockGuard taken(std::move(other));
    pool_.swap(taken.pool_);
    return *this;
}

LockGuard::~LockGuard() {
    if (pool_) {
        Ref(std::move(pool_))->release();
    }
}

void LockGuard::release() {
    if (!pool_) {
        throw std::logic_error(
            "release() of a LockGuard that holds nothing: released before, "
            "or moved from");
    }
    Ref(std::move(pool_))->release();
}

DeferredSemaphore::DeferredSemaphore(std::size_t tokens) {
    if (tokens == 0) {
        throw std::invalid_argument(
            "DeferredSemaphore(0): nobody could ever acquire it; give it "
            "one token at least");
    }
    pool_ = makeRef<detail::TokenPool>(tokens);
}

DeferredSemaphore::~DeferredSemaphore() = default;

Deferred<LockGuard> DeferredSemaphore::acquire(std::source_location where) {
    return pool_->acquire(where);
}

std::size_t DeferredSemaphore::tokens() const noexcept { return pool_->left(); }
std::size_t DeferredSemaphore::limit() const noexcept { return pool_->limit; }
std::size_t DeferredSemaphore::waiting() const noexcept { return pool_->waiting(); }

}  // namespace marline
