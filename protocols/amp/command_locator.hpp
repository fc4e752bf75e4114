// CommandLocator: who answers which AMP command.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/amp/command.hpp>

namespace marline::amp {

class Amp;

/// Internal: a command that came, and where its outcome goes.
class MARLINE_API Question {
public:
    /// Without a tag the peer wants no answer.
    Question(Ref<Amp> asked, std::optional<std::string> tag);

    /// Sends the answer, whose values `write` adds.
    void answer(UniqueFunction<void(BoxWriter&)> write);
    /// Sends the error; one that is not declared is logged and sent as an unknown one, and the
    /// connection is closed.
    void fail(const Failure& why, std::optional<RemoteError> declared);

private:
    Ref<Amp> asked_;
    std::optional<std::string> tag_;
};

/// The responders of one or several connections (Twisted: `CommandLocator`, `IResponderLocator`).
class MARLINE_API CommandLocator : public RefCounted {
public:
    CommandLocator() = default;

    /// Lets `respond` answer command C: `respond(command)`, or `respond(command, connection)` with
    /// the Amp that was asked. It gives a C::Response, or a Deferred of one; nothing, or a
    /// Deferred<>, when C has none. An error that C declares is sent as such; with any other the
    /// peer is told that something went wrong, the error is logged, and the connection closed.
    /// Throws std::logic_error when C has a responder here.
    template <IsCommand C, class Respond>
    CommandLocator& responder(Respond respond) {
        add(C::kCommandName, [respond = std::move(respond)](Amp& connection, const Box& box,
                                                            Question question) mutable {
            auto call = [&] {
                if constexpr (std::invocable<Respond&, const C&, Amp&>) {
                    return std::invoke(respond, detail::readFields<C>(box), connection);
                } else {
                    return std::invoke(respond, detail::readFields<C>(box));
                }
            };
            send<C>(maybeDeferred(call), std::move(question));
        });
        return *this;
    }

protected:
    ~CommandLocator() override = default;

private:
    friend class Amp;
    using Respond = UniqueFunction<void(Amp&, const Box&, Question)>;

    void add(std::string_view name, Respond respond);
    Respond* find(std::string_view name);

    template <class C, class R>
    static void send(Deferred<R> outcome, Question question) {
        static_assert(std::is_same_v<R, typename detail::ResponseOf<C>::Type>,
                      "marline: a responder gives a C::Response, or nothing when C has none");
        outcome.addBoth([question = std::move(question)](Result<R> result) mutable {
            if (!result.ok()) {
                question.fail(result.failure(), detail::declaredError<C>(result.failure()));
                return;
            }
            if constexpr (std::is_void_v<R>) {
                question.answer([](BoxWriter&) {});
            } else {
                question.answer(
                    [&result](BoxWriter& box) { detail::writeFields(result.value(), box); });
            }
        });
    }

    std::map<std::string, Respond, std::less<>> responders_;
};

}  // namespace marline::amp
