// Internal: a coroutine that gives a Deferred, and how it waits for others.
#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>
#include <new>
#include <source_location>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/detail/block_pool.hpp>
#include <marline/deferred/detail/chain.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/result.hpp>

namespace marline {

template <class T>
class Deferred;

namespace detail {

/// The part of a promise that does not depend on the type: the chain that the coroutine fires.
///
/// The frame lives until the body ends. Then the chain has its result, and its links run when the
/// frame is gone: from who resumed the coroutine, so that coroutines which wait for each other end
/// one after another and not inside each other.
class MARLINE_API CoroutineFrame : public Recycled {
public:
    CoroutineFrame(const CoroutineFrame&) = delete;
    CoroutineFrame& operator=(const CoroutineFrame&) = delete;

    static std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept {
        finish();
        return {};
    }
    void unhandled_exception() noexcept;

    Chain& chain() const noexcept { return *chain_; }
    /// Notes what a co_await is about to throw, to know it again when it leaves the body.
    void noteThrown(const Failure& failure) noexcept { failure_ = failure; }
    /// The coroutine goes on; when it ends, `ended` is given its chain, to be run, with a
    /// reference.
    void resumedBy(Chain*& ended) noexcept {
        chain_->endWait();
        failure_ = Failure::adopt(nullptr);  // an error that was handled goes
        ended_ = &ended;
    }

protected:
    CoroutineFrame(const TypeOps& type, std::size_t room);
    ~CoroutineFrame() = default;

    /// A view's reference to the chain, for the caller of the coroutine.
    Chain* share(const std::source_location& where) noexcept {
        made_ = where;
        chain_->setCreated(where);
        chain_->retain();
        return chain_;
    }
    void returned() noexcept { outcome_ = Outcome::Value; }
    void failed(Failure failure) noexcept;

private:
    enum class Outcome : unsigned char { None, Value, Failure };

    void finish() noexcept;

    Chain* chain_;
    Chain** ended_ = nullptr;  // null until the body is suspended for the first time
    Failure failure_ = Failure::adopt(nullptr);  // how it ends, or what it has thrown last
    std::source_location made_;
    Outcome outcome_ = Outcome::None;
};

/// What a coroutine waits with: takes the awaited chain's result and resumes.
class MARLINE_API AwaiterState : public Terminal {
public:
    AwaiterState(const AwaiterState&) = delete;
    AwaiterState& operator=(const AwaiterState&) = delete;

    /// True when the result was there and has been taken.
    bool await_ready() {
        if (!frame_.chain().mayTakeFrom(*awaited_, type_)) {
            return false;
        }
        receive(*awaited_);
        std::exchange(awaited_, nullptr)->release();
        return true;
    }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
        coroutine_ = coroutine;
        // The reference goes: a chain that nobody could fire must not be kept by who waits for it.
        Chain* awaited = std::exchange(awaited_, nullptr);
        frame_.chain().awaitResult(*awaited, *this);
        awaited->release();
    }

protected:
    /// Takes over a reference to `awaited`; its value will be moved to `slot`.
    AwaiterState(CoroutineFrame& frame, Chain* awaited, const TypeOps& type, void* slot,
                 const std::source_location& site) noexcept
        : frame_(frame), awaited_(awaited), type_(type), slot_(slot), site_(site) {}
    ~AwaiterState();

    bool hasValue() const noexcept { return hasValue_; }
    Failure takeFailure() noexcept;
    [[noreturn]] void raise();

private:
    void receive(Chain& from) noexcept;
    Chain* resume() noexcept;
    Chain* take(Chain& from) noexcept override;
    void abandoned() noexcept override;

    CoroutineFrame& frame_;
    Chain* awaited_;
    const TypeOps& type_;
    void* slot_;
    std::source_location site_;
    std::coroutine_handle<> coroutine_;
    Failure failure_ = Failure::adopt(nullptr);
    bool hasValue_ = false;
};

/// The awaited value has its place in the coroutine's frame.
template <class T>
class TypedAwaiter : public AwaiterState {
protected:
    TypedAwaiter(CoroutineFrame& frame, Deferred<T>&& awaited,
                 const std::source_location& site) noexcept
        : AwaiterState(frame, std::move(awaited).releaseChain(), typeOps<T>, slot_, site) {}
    ~TypedAwaiter() {
        if (hasValue()) {
            std::destroy_at(value());
        }
    }

    Stored<T>* value() noexcept { return std::launder(reinterpret_cast<Stored<T>*>(slot_)); }

private:
    alignas(Stored<T>) std::byte slot_[sizeof(Stored<T>)];
};

/// Awaits a T.
template <class T>
class Awaiter final : public TypedAwaiter<T> {
public:
    Awaiter(CoroutineFrame& frame, Deferred<T>&& awaited, const std::source_location& site) noexcept
        : TypedAwaiter<T>(frame, std::move(awaited), site) {}

    T await_resume() {
        if (!this->hasValue()) {
            this->raise();
        }
        if constexpr (!std::is_void_v<T>) {
            return std::move(*this->value());
        }
    }
};

/// Awaits a T or a Failure.
template <class T>
class ResultAwaiter final : public TypedAwaiter<T> {
public:
    ResultAwaiter(CoroutineFrame& frame, Deferred<T>&& awaited,
                  const std::source_location& site) noexcept
        : TypedAwaiter<T>(frame, std::move(awaited), site) {}

    Result<T> await_resume() noexcept {
        if (!this->hasValue()) {
            return this->takeFailure();
        }
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return std::move(*this->value());
        }
    }
};

}  // namespace detail
}  // namespace marline
