// StatefulProtocol: "wait for so many bytes, then call this".
#pragma once

#include <cstddef>
#include <string_view>

#include <marline/protocols/frame_receiver.hpp>

namespace marline {

/// A protocol each of whose steps says which comes next, and of how many bytes (Twisted:
/// `StatefulProtocol`). `Self` is the class that derives from it.
///
///     class Strings : public StatefulProtocol<Strings> {
///         State getInitialState() override { return {&Strings::length, 4}; }
///         State length(std::string_view four) { return {&Strings::body, bigEndian(four)}; }
///         State body(std::string_view text) { …; return getInitialState(); }
///     };
///
/// How many bytes are waited for is for the steps to limit. A step of none is taken at once.
template <class Self>
class StatefulProtocol : public FrameReceiver {
protected:
    /// The step to take when so many bytes are there; it gets exactly those, and they are gone when
    /// it returns. A step that returns `{}` is taken again, with as many.
    struct State {
        State (Self::*step)(std::string_view) = nullptr;
        std::size_t bytes = 0;
    };

    ~StatefulProtocol() override = default;

    /// The first step; asked for when the first bytes come.
    virtual State getInitialState() = 0;

    bool parseFrame() override {
        if (state_.step == nullptr) {
            state_ = getInitialState();
        }
        const std::string_view data = unparsed();
        if (data.size() < state_.bytes) {
            return false;
        }
        skip(state_.bytes);
        const State next = (static_cast<Self*>(this)->*state_.step)(data.substr(0, state_.bytes));
        if (next.step != nullptr) {
            state_ = next;
        }
        return true;
    }

private:
    State state_;
};

}  // namespace marline
