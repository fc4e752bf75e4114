// Internal: a queue in one piece of memory, which it keeps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace marline::detail {

/// First in, first out. It grows when it must, and allocates nothing as long as it need not.
template <class T>
class Ring {
public:
    bool empty() const noexcept { return count_ == 0; }
    std::size_t size() const noexcept { return count_; }

    /// When it throws, `object` is what it was.
    template <class U>
    void push(U&& object) {
        if (count_ == slots_.size()) {
            grow();
        }
        slots_[(first_ + count_) % slots_.size()].emplace(std::forward<U>(object));
        ++count_;
    }

    /// The oldest; there must be one.
    T pop() noexcept {
        std::optional<T>& slot = slots_[first_];
        T object = std::move(*slot);
        slot.reset();
        first_ = (first_ + 1) % slots_.size();
        --count_;
        return object;
    }

private:
    static constexpr std::size_t kFirstSize = 8;

    void grow() {
        std::vector<std::optional<T>> larger(std::max(kFirstSize, 2 * slots_.size()));
        for (std::size_t i = 0; i < count_; ++i) {
            larger[i].emplace(std::move(*slots_[(first_ + i) % slots_.size()]));
        }
        slots_.swap(larger);
        first_ = 0;
    }

    std::vector<std::optional<T>> slots_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
};

}  // namespace marline::detail
