// Internal: the shared error behind a Failure.
#pragma once

#include <array>
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

    /// Notes that the error passed `site`.
    void passed(const std::source_location& site) noexcept {
        if (siteCount < kMaxSites) {
            sites[siteCount] = site;
        }
        ++siteCount;
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

    std::uint32_t refs = 1;
    std::uint32_t siteCount = 0;
    const std::exception* error = nullptr;
    std::array<std::source_location, kMaxSites> sites{};

protected:
    virtual ~FailureState() = default;
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
        if (thrown_ == nullptr) {
            thrown_ = std::make_exception_ptr(value_);
        }
        return thrown_;
    }

    const std::type_info* type() const noexcept override { return &typeid(value_); }

private:
    E value_;
    std::exception_ptr thrown_;
};

}  // namespace marline::detail
