#include <marline/deferred/describe.hpp>

#include <cstdint>

#include <marline/deferred/detail/sites.hpp>

namespace marline::detail {
namespace {

std::string nameOf(const Chain& chain) {
    std::ostringstream name;
    name << "Deferred<" << chain.tailTypeName() << "> at " << static_cast<const void*>(&chain);
    return name.str();
}

std::string stateOf(const Chain& chain, const std::optional<std::string>& value) {
    switch (chain.state()) {
    case State::Value: return value.has_value() ? "result " + *value : "has a result";
    case State::Failed: return "failed with " + chain.failure().brief();
    case State::Unfired: return "not fired";
    case State::Waiting:
    case State::Coroutine:
        return chain.waitingOn() != nullptr      ? "waiting for " + nameOf(*chain.waitingOn())
               : chain.state() == State::Waiting ? "waiting for what is gone"
                                                 : "its coroutine runs";
    case State::Moved: return "its result was taken";
    }
    return {};
}

}  // namespace

std::string describeChain(const Chain& chain, const std::optional<std::string>& value) {
    return nameOf(chain) + ", made at " + fileAndLine(chain.created()) + ": " +
           (chain.paused() ? "paused, " : "") + stateOf(chain, value);
}

}  // namespace marline::detail
