// Internal: the shared error behind a Failure.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <typeinfo>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/detail/block_pool.hpp>

namespace marline::detail {

/// The error, its count, and the places it passed.
///
/// Errors hold other Failures, and go to other threads inside an exception_ptr: what more than one
/// thread may touch is atomic.
class MARLINE_API FailureState : public Recycled {
public:
    /// Places that are kept; further ones are only counted.
    static constexpr std::size_t kMaxSites = 16;

    FailureState() noexcept = default;
    FailureState(const FailureState&) = delete;
    FailureState& operator=(const FailureState&) = delete;

    /// Frees this; called when the count falls to zero.
    virtual void destroy() noexcept = 0;
    /// The error as an exception_ptr, made at the first call.
    virtual std::exception_ptr exception() = 0;
    /// The dynamic type of the error; null when it cannot be known.
    virtual const std::type_info* type() const noexcept = 0;

    void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            destroy();
        }
    }

    /// Notes that the error passed `site`. Of two threads that do at once one may not be noted.
    void passed(const std::source_location& site) noexcept {
        const std::uint32_t count = siteCount();
        if (count < kMaxSites) {
            sites_[count].store(site, std::memory_order_relaxed);
        }
        siteCount_.store(count + 1, std::memory_order_relaxed);
    }
    /// How many places the error passed.
    std::uint32_t siteCount() const noexcept { return siteCount_.load(std::memory_order_relaxed); }
    /// One of the first kMaxSites of them.
    std::source_location site(std::size_t index) const noexcept {
        return sites_[index].load(std::memory_order_relaxed);
    }

    /// The error as an E that is no std::exception, else null.
    template <class E>
    const E* foreign() noexcept {
        try {
            std::rethrow_exception(exception());
        } catch (const E& found) {
            return &found;
        } catch (...) {
            return nullptr;
        }
    }

    const std::exception* error = nullptr;

protected:
    virtual ~FailureState() = default;

    /// The exception_ptr that is kept, null at first.
    std::exception_ptr kept() const;
    /// Keeps `made`, unless another thread was faster; gives the one that is kept.
    std::exception_ptr keep(std::exception_ptr made);

private:
    std::atomic<std::uint32_t> refs_ = 1;
    std::atomic<std::uint32_t> siteCount_ = 0;
    std::array<std::atomic<std::source_location>, kMaxSites> sites_{};
    std::exception_ptr kept_;
};

/// An error that was made as a value: nothing is thrown until somebody asks for an exception.
template <class E>
class FailureOf final : public FailureState {
    static_assert(alignof(E) <= 16, "marline: an error may need no more than 16-byte alignment");

public:
    template <class... Args>
    explicit FailureOf(Args&&... args) : value_(std::forward<Args>(args)...) {
        error = &value_;
    }

    void destroy() noexcept override { delete this; }

    std::exception_ptr exception() override {
        std::exception_ptr known = kept();
        return known != nullptr ? known : keep(std::make_exception_ptr(value_));
    }

    const std::type_info* type() const noexcept override { return &typeid(value_); }

private:
    E value_;
};

}  // namespace marline::detail
