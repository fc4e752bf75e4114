// OptionSide: what one end does about one option, by the Q method of RFC 1143.
#pragma once

#include <cstdint>
#include <optional>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/telnet/option.hpp>

namespace marline::telnet::detail {

/// One side of one option: whether it is on, what the peer is being asked, and what is to be asked
/// next. It sends nothing itself: it says what is to be sent.
class OptionSide {
public:
    /// What is to follow something that was asked or heard.
    struct Step {
        /// To be sent: on (true) or off.
        std::optional<bool> say{};
        /// The option is on now (true), or is no longer.
        std::optional<bool> enabled{};
        /// The peer proposes to turn it on: what enableLocal() or enableRemote() says is to be told
        /// to decide().
        bool proposed = false;
        /// Whose Deferreds are to be fired, in order: what was asked, and what waited for that.
        std::optional<DeferredSource<>> asked{};
        std::optional<DeferredSource<>> queued{};
        /// What was asked is refused instead.
        bool refused = false;
    };

    bool enabled() const noexcept { return state_ == State::Yes || state_ == State::WantNo; }

    /// This end wants the option on or off: `step` says whether anything is to be sent now.
    Deferred<> ask(Option option, bool enable, Step& step);
    /// The peer wants it, or answers, on or off.
    Step hear(bool enable);
    /// The peer's proposal is accepted, or not.
    Step decide(bool accepted);
    /// Fails what is being asked with `reason`.
    void lose(const Failure& reason);

private:
    enum class State : std::uint8_t { No, Yes, WantNo, WantYes };

    Step enabledOrRefused(bool enabled);
    Step disabled(bool refused);
    void askQueued(State state, Step& step);

    State state_ = State::No;
    std::optional<DeferredSource<>> asked_;   // while WantNo or WantYes
    std::optional<DeferredSource<>> queued_;  // the opposite, to be asked then
};

}  // namespace marline::telnet::detail
