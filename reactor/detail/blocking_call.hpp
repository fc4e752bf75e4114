// Internal: one call that crosses from a thread to the reactor, and back.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/reactor/detail/thread_call.hpp>
#include <marline/reactor/reactor.hpp>

namespace marline::detail {

/// What blockingCallFromThread() waits for.
class MARLINE_API BlockingCall : public std::enable_shared_from_this<BlockingCall> {
public:
    BlockingCall() = default;
    BlockingCall(const BlockingCall&) = delete;
    BlockingCall& operator=(const BlockingCall&) = delete;
    virtual ~BlockingCall();

    /// Has the call run in the reactor, and waits for the answer. Throws what refuses the call.
    void wait(Reactor& reactor);
    /// Ends the wait with an error, unless it has ended. Thread-safe.
    void fail(std::exception_ptr error) noexcept;

protected:
    /// The duty to end the wait: when it is dropped, the wait fails.
    class MARLINE_API Duty {
    public:
        explicit Duty(std::shared_ptr<BlockingCall> call) noexcept : call_(std::move(call)) {}
        Duty(Duty&& other) noexcept = default;
        Duty& operator=(Duty&& other) = delete;
        ~Duty();

        const std::shared_ptr<BlockingCall>& call() const noexcept { return call_; }
        std::shared_ptr<BlockingCall> release() noexcept { return std::move(call_); }

    private:
        std::shared_ptr<BlockingCall> call_;
    };

    /// Calls the function, in the reactor's thread. Takes the duty over, or throws.
    virtual void run(Duty& duty) = 0;
    virtual void keepError(std::exception_ptr error) noexcept = 0;

    /// Ends the wait with what `keep` keeps, unless it has ended.
    template <class Keep>
    void end(Keep&& keep) {
        {
            const std::lock_guard lock(mutex_);
            if (over_) {
                return;
            }
            over_ = true;
            keep();
        }
        ended_.notify_one();
    }

private:
    class Post;

    bool over();

    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false;
};

/// The part of a BlockingCall that has types.
template <class R, class F, class... Args>
class BlockingCallOf final : public BlockingCall {
public:
    using T = ThreadYield<R>;

    template <class... Given>
    explicit BlockingCallOf(Given&&... given)
        : call_(std::in_place, std::forward<Given>(given)...) {}

    /// The answer; only after wait().
    T take() {
        if (parcel_.error != nullptr) {
            std::rethrow_exception(std::exchange(parcel_.error, nullptr));
        }
        if constexpr (!std::is_void_v<T>) {
            return std::move(*parcel_.value);
        }
    }

private:
    void run(Duty& duty) override {
        if constexpr (isDeferred<R>) {
            R answer = callOnce();
            answer.addBoth([this, duty = std::move(duty)](Result<T> result) mutable {
                const auto self = duty.release();
                end([&] { parcel_.put(std::move(result)); });
            });
        } else {
            Parcel<T> parcel;
            parcel.template fill<R>(*call_);
            call_.reset();
            const auto self = duty.release();
            end([&] { parcel_.put(std::move(parcel)); });
        }
    }
    R callOnce() {
        // Not moved out of the optional: GCC would warn that it may hold nothing.
        struct Forget {
            std::optional<std::tuple<F, Args...>>& call;
            ~Forget() { call.reset(); }
        };
        const Forget forget{call_};
        return applyOnce(*call_);
    }
    void keepError(std::exception_ptr error) noexcept override { parcel_.error = std::move(error); }

    std::optional<std::tuple<F, Args...>> call_;
    Parcel<T> parcel_;
};

}  // namespace marline::detail
