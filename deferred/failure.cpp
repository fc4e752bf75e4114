#include <marline/deferred/failure.hpp>

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <cxxabi.h>

#include <marline/deferred/detail/sites.hpp>

namespace marline {
namespace detail {
namespace {

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

/// What a Failure holds when there was no memory to hold anything else: one for each thread, so
/// that the count needs no lock, and never freed.
class OutOfMemory final : public FailureState {
public:
    OutOfMemory() noexcept { error = &value_; }

    void destroy() noexcept override { refs = 1; }
    std::exception_ptr exception() override { return std::make_exception_ptr(value_); }
    const std::type_info* type() const noexcept override { return &typeid(value_); }

private:
    std::bad_alloc value_;
};

FailureState* outOfMemory() noexcept {
    static thread_local OutOfMemory state;
    ++state.refs;
    return &state;
}

}  // namespace
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
    for (std::size_t i = 0; i < state_->siteCount && i < detail::FailureState::kMaxSites; ++i) {
        text += "\n    " + detail::describeSite(state_->sites[i]);
    }
    if (state_->siteCount > detail::FailureState::kMaxSites) {
        text += "\n    and " + std::to_string(state_->siteCount - detail::FailureState::kMaxSites) +
                " more places";
    }
    return text;
}

}  // namespace marline
