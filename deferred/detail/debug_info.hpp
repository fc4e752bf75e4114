// Internal: the stacks that a Deferred keeps while debugging is on.
#pragma once

#include <array>
#include <string>

namespace marline::detail {

/// Where one Deferred was made and fired.
class DebugInfo {
public:
    void madeHere() noexcept { made_.record(); }
    void firedHere() noexcept { fired_.record(); }
    /// The stacks that there are, a line a frame, each line begun by a line feed; else nothing.
    std::string describe() const;

private:
    struct Stack {
        static constexpr int kFrames = 32;

        void record() noexcept;
        void describe(std::string& to, const char* title) const;

        std::array<void*, kFrames> frames{};
        int count = 0;
    };

    Stack made_;
    Stack fired_;
};

}  // namespace marline::detail
