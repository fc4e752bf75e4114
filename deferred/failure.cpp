#include <marline/deferred/failure.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>

#include <cxxabi.h>

#include <marline/deferred/detail/sites.hpp>

namespace marline {
namespace detail {
namespace {

/// Guards what every FailureState keeps: it is asked for only where an error is thrown.
std::mutex keeping;

/// An error that was thrown: holds the exception itself.
class ThrownFailure final : public FailureState {
public:
    explicit ThrownFailure(std::exception_ptr thrown) noexcept : thrown_(std::move(thrown)) {
        try {
            std::rethrow_exception(thrown_);
        } catch (const std::exception& known) {
            error = &known;
            type_ = &typeid(known);
        } catch (...) {
            type_ = abi::__cxa_current_exception_type();
        }
    }

    void destroy() noexcept override { delete this; }
    std::exception_ptr exception() override { return thrown_; }
    const std::type_info* type() const noexcept override { return type_; }

private:
    std::exception_ptr thrown_;
    const std::type_info* type_ = nullptr;
};

/// What a Failure holds when there was no memory to hold anything else: one for all, never freed.
FailureState* outOfMemory() noexcept {
    alignas(FailureOf<std::bad_alloc>) static std::byte room[sizeof(FailureOf<std::bad_alloc>)];
    static auto* const state = ::new (static_cast<void*>(room)) FailureOf<std::bad_alloc>;
    state->retain();
    return state;
}

}  // namespace

std::exception_ptr FailureState::kept() const {
    const std::lock_guard lock(keeping);
    return kept_;
}

std::exception_ptr FailureState::keep(std::exception_ptr made) {
    const std::lock_guard lock(keeping);
    if (kept_ == nullptr) {
        kept_ = std::move(made);
    }
    return kept_;
}

}  // namespace detail

Failure::Failure(std::exception_ptr error) noexcept {
    if (error == nullptr) {
        state_ = make<std::logic_error>("Failure made with no exception to hold").releaseState();
        return;
    }
    try {
        state_ = new detail::ThrownFailure(std::move(error));
    } catch (const std::bad_alloc&) {
        state_ = detail::outOfMemory();
    }
}

Failure Failure::current() noexcept { return Failure(std::current_exception()); }

Failure Failure::current(const Failure& known) noexcept {
    std::exception_ptr handled = std::current_exception();
    return known.exception() == handled ? known : Failure(std::move(handled));
}

void Failure::raise() const { std::rethrow_exception(state_->exception()); }

std::exception_ptr Failure::exception() const { return state_->exception(); }

std::string Failure::message() const {
    if (state_->error == nullptr) {
        return "an error of type " + typeName();
    }
    const char* text = state_->error->what();
    return text != nullptr ? text : "";
}

std::string Failure::typeName() const {
    const std::type_info* type = state_->type();
    if (type == nullptr) {
        return "unknown";
    }
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free);
    return status == 0 ? name.get() : type->name();
}

std::string Failure::brief() const { return typeName() + ": " + message(); }

std::string Failure::describe() const {
    std::string text = brief();
    constexpr std::uint32_t kMaxSites = detail::FailureState::kMaxSites;
    const std::uint32_t count = state_->siteCount();
    for (std::uint32_t i = 0; i < std::min(count, kMaxSites); ++i) {
        text += "\n    " + detail::describeSite(state_->site(i));
    }
    if (count > kMaxSites) {
        text += "\n    and " + std::to_string(count - kMaxSites) + " more places";
    }
    return text;
}

}  // namespace marline
