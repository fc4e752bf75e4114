// Amp: the Asynchronous Messaging Protocol, questions and answers both ways over one connection.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/result.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/protocols/amp/command.hpp>
#include <marline/protocols/amp/command_locator.hpp>
#include <marline/protocols/frame_receiver.hpp>
#include <marline/reactor/time.hpp>
#include <marline/reactor/tls_context.hpp>

namespace marline::amp {

/// The longest box that is let in unless Amp::setMaxBoxBytes() says otherwise.
inline constexpr std::size_t kMaxBoxBytes = 1024 * 1024;
/// How much a peer that asks may leave unread of what is sent to it, unless
/// Amp::setMaxUnsentBytes() says otherwise.
inline constexpr std::size_t kMaxUnsentBytes = 16 * 1024 * 1024;

/// An AMP peer (Twisted: `AMP`); it speaks with Twisted's. Both sides ask and answer, as many
/// questions at a time as they like; answers come in any order.
///
///     class Calculator : public amp::Amp {
///     public:
///         Calculator() {
///             responder<Divide>([](const Divide& what) {
///                 if (what.denominator == 0) throw DivisionByZero("divided by zero");
///                 return Divide::Response{double(what.numerator) / double(what.denominator)};
///             });
///         }
///     };
///
///     peer->callRemote(Divide{.numerator = 1, .denominator = 3})
///         .addCallback([](const Divide::Response& answer) { … })
///         .addErrback([](const Failure& why) { why.trap<DivisionByZero>(); … });
class MARLINE_API Amp : public FrameReceiver {
public:
    /// Commands that have no responder of this connection are looked up in `locator`, which many
    /// connections may share.
    explicit Amp(Ref<CommandLocator> locator = {}) noexcept : shared_(std::move(locator)) {}

    /// Asks the peer (Twisted: `callRemote`). The Deferred yields C::Response (nothing, if C has
    /// none) or fails: with an error that C declares, UnhandledCommand, UnknownRemoteError, another
    /// RemoteAmpError, InvalidArgument for an answer that is none, or with the reason why the
    /// connection was lost. Cancelling it drops the answer. A command that requires no answer gives
    /// a Deferred<> that has fired. Throws TooLong, and then nothing is sent.
    template <IsCommand C>
    auto callRemote(const C& command) -> Deferred<typename detail::ResponseOf<C>::Type> {
        using R = typename detail::ResponseOf<C>::Type;
        if (transport() == nullptr) {
            return fail<R>(whyNot());
        }
        const std::size_t slot = beginCommand(C::kCommandName, detail::requiresAnswer<C>());
        BoxWriter box(out_);
        detail::writeFields(command, box);
        if constexpr (!detail::requiresAnswer<C>()) {
            static_assert(std::is_void_v<R>,
                          "marline: a command without an answer has no Response");
            sendBox();
            return succeed();
        } else {
            DeferredSource<R> source;
            Deferred<R> answer = source.deferred();
            takeSlot(slot, [source = std::move(source)](const Answer& got) mutable {
                finish<C, R>(std::move(source), got);
            });
            sendBox();
            return answer;
        }
    }

    /// Adds a responder of this connection, see CommandLocator::responder().
    template <IsCommand C, class Respond>
    void responder(Respond respond) {
        own().template responder<C>(std::move(respond));
    }

    /// Asks the peer to speak TLS from now on, and does so (Twisted: `callRemote(StartTLS)`). What
    /// is asked meanwhile is sent when TLS has begun. `host` is whom a client verifies. Fires when
    /// the peer has agreed; if it does not, or TLS cannot begin, it fails and the connection is
    /// aborted; so it is when the handshake fails.
    Deferred<> callStartTls(const TlsContext& context, IReactorTime& clock,
                            const std::string& host = {});
    /// Speaks TLS when the peer asks for it, once; with the context of a client `host` is whom it
    /// verifies. `clock` must outlive the connection.
    void acceptStartTls(const TlsContext& context, IReactorTime& clock, std::string host = {});

    /// The longest box that is let in; a longer one closes the connection with a ProtocolError.
    void setMaxBoxBytes(std::size_t bytes) noexcept { maxBoxBytes_ = bytes; }
    std::size_t maxBoxBytes() const noexcept { return maxBoxBytes_; }
    /// A command that comes while more than this waits to be sent closes the connection with a
    /// ProtocolError: its peer asks and takes no answers.
    void setMaxUnsentBytes(std::size_t bytes) noexcept { maxUnsentBytes_ = bytes; }
    std::size_t maxUnsentBytes() const noexcept { return maxUnsentBytes_; }

    /// Fails what was asked and not answered. Overrides call this one last.
    void connectionLost(const Failure& reason) override;

protected:
    ~Amp() override = default;

    bool parseFrame() override;

private:
    friend class Question;
    struct StartTls;

    /// What came of a question: a box, or what the peer or the connection failed with.
    struct Answer {
        const Box* box = nullptr;
        const RemoteError* error = nullptr;
        const Failure* lost = nullptr;
    };
    using Answered = UniqueFunction<void(const Answer&)>;

    struct TlsTerms {
        TlsContext context;
        IReactorTime& clock;
        std::string host;
    };

    template <class C, class R>
    static void finish(DeferredSource<R> source, const Answer& got) {
        if (got.lost != nullptr) {
            source.errback(*got.lost);
        } else if (got.error != nullptr) {
            std::optional<Failure> known =
                detail::errorOf<C>(got.error->code, got.error->description);
            source.errback(known ? std::move(*known) : remoteFailure(*got.error));
        } else if constexpr (std::is_void_v<R>) {
            source.callback();
        } else {
            Result<R> answer = readAnswer<R>(*got.box);
            answer.ok() ? source.callback(std::move(answer).value())
                        : source.errback(answer.failure());
        }
    }
    template <class R>
    static Result<R> readAnswer(const Box& box) {
        try {
            return detail::readFields<R>(box);
        } catch (...) {
            return Failure::current();
        }
    }
    static Failure remoteFailure(const RemoteError& error);

    Failure whyNot() const;
    CommandLocator& own();
    std::size_t beginCommand(std::string_view name, bool requiresAnswer);
    void takeSlot(std::size_t slot, Answered answered);
    void sendBox();
    void boxReceived();
    void commandReceived(std::string_view name);
    void answerReceived(std::string_view tag, const Answer& answer);
    void startTlsReceived(Question question);
    void beginTls(const TlsTerms& terms);

    Ref<CommandLocator> own_;
    Ref<CommandLocator> shared_;
    std::vector<Answered> slots_;  // by tag; empty where nothing was asked
    std::vector<std::size_t> freeSlots_;
    Box box_;           // the one that is being read
    std::string out_;   // the one that is being written
    std::string held_;  // those that wait for TLS
    bool holding_ = false;
    std::size_t maxBoxBytes_ = kMaxBoxBytes;
    std::size_t maxUnsentBytes_ = kMaxUnsentBytes;
    std::optional<TlsTerms> acceptedTls_;
    std::optional<Failure> lost_;
};

}  // namespace marline::amp
