#include <marline/protocols/amp/amp.hpp>

#include <array>
#include <charconv>
#include <stdexcept>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/tls.hpp>

namespace marline::amp {
namespace {

constexpr std::string_view kAsk = "_ask";
constexpr std::string_view kAnswer = "_answer";
constexpr std::string_view kCommand = "_command";
constexpr std::string_view kError = "_error";
constexpr std::string_view kErrorCode = "_error_code";
constexpr std::string_view kErrorDescription = "_error_description";
constexpr std::string_view kUnknown = "UNKNOWN";
constexpr std::string_view kUnhandled = "UNHANDLED";
constexpr int kTagBase = 16;

}  // namespace

/// The command that both sides know, which begins TLS.
struct Amp::StartTls {
    static constexpr std::string_view kCommandName = "StartTLS";
    static constexpr auto fields() { return amp::fields(); }
};

void CommandLocator::add(std::string_view name, Respond respond) {
    if (!responders_.try_emplace(std::string(name), std::move(respond)).second) {
        throw std::logic_error("AMP: the command " + std::string(name) +
                               " has a responder already");
    }
}

CommandLocator::Respond* CommandLocator::find(std::string_view name) {
    const auto found = responders_.find(name);
    return found != responders_.end() ? &found->second : nullptr;
}

Question::Question(Ref<Amp> asked, std::optional<std::string> tag)
    : asked_(std::move(asked)), tag_(std::move(tag)) {}

void Question::answer(UniqueFunction<void(BoxWriter&)> write) {
    Amp& peer = *asked_;
    if (!tag_ || peer.transport() == nullptr) {
        return;
    }
    try {
        peer.out_.clear();
        BoxWriter box(peer.out_);
        box.add(kAnswer, *tag_);
        write(box);
    } catch (...) {
        fail(Failure::current(), {});
        return;
    }
    peer.sendBox();
}

void Question::fail(const Failure& why, std::optional<RemoteError> declared) {
    Amp& peer = *asked_;
    if (const auto* remote = declared ? nullptr : why.check<RemoteAmpError>()) {
        declared = RemoteError{remote->errorCode(), remote->what()};
    }
    if (!declared || !tag_) {
        log(LogLevel::Error, "AMP: a responder failed: " + why.describe());
        declared = RemoteError{std::string(kUnknown), "Unknown Error", true};
    }
    if (peer.transport() == nullptr) {
        return;
    }
    if (tag_) {
        peer.out_.clear();
        BoxWriter box(peer.out_);
        box.add(kError, *tag_);
        box.add(kErrorCode, std::string_view(declared->code).substr(0, kMaxValueLength));
        box.add(kErrorDescription,
                std::string_view(declared->description).substr(0, kMaxValueLength));
        peer.sendBox();
    }
    if (declared->fatal) {
        peer.transport()->loseConnection();
    }
}

Failure Amp::remoteFailure(const RemoteError& error) {
    if (error.code == kUnhandled) {
        return Failure::make<UnhandledCommand>(error.description);
    }
    if (error.code == kUnknown) {
        return Failure::make<UnknownRemoteError>(error.description);
    }
    return Failure::make<RemoteAmpError>(error.code, error.description);
}

Failure Amp::whyNot() const {
    return lost_ ? *lost_ : Failure::make<ConnectionLost>("AMP: not connected");
}

CommandLocator& Amp::own() {
    if (!own_) {
        own_ = makeRef<CommandLocator>();
    }
    return *own_;
}

/// Begins a box in out_; gives the slot for its answer, which is taken by takeSlot().
std::size_t Amp::beginCommand(std::string_view name, bool requiresAnswer) {
    out_.clear();
    BoxWriter box(out_);
    if (requiresAnswer) {
        if (freeSlots_.empty()) {
            slots_.emplace_back();
            freeSlots_.push_back(slots_.size() - 1);
        }
        std::array<char, 2 * sizeof(std::size_t)> tag;
        char* const end =
            std::to_chars(tag.data(), tag.data() + tag.size(), freeSlots_.back(), kTagBase).ptr;
        box.add(kAsk, {tag.data(), end});
    }
    box.add(kCommand, name);
    return requiresAnswer ? freeSlots_.back() : 0;
}

void Amp::takeSlot(std::size_t slot, Answered answered) {
    slots_[slot] = std::move(answered);
    freeSlots_.pop_back();
}

void Amp::sendBox() {
    BoxWriter(out_).end();
    if (holding_) {
        held_ += out_;
    } else {
        transport()->write(out_);
    }
}

void Amp::connectionLost(const Failure& reason) {
    lost_ = reason;
    FrameReceiver::connectionLost(reason);
    const Answer lost{.lost = &reason};
    for (Answered& answered : std::exchange(slots_, {})) {
        if (answered) {
            answered(lost);
        }
    }
    freeSlots_.clear();
}

bool Amp::parseFrame() {
    const std::string_view data = unparsed();
    std::size_t from = searched();
    const std::optional<std::size_t> length = Box::lengthOf(data, from);
    if (length.value_or(data.size()) > maxBoxBytes_) {
        throw ProtocolError("AMP: a box of more than " + std::to_string(maxBoxBytes_) +
                            " bytes (Amp::setMaxBoxBytes)");
    }
    if (!length) {
        setSearched(from);
        return false;
    }
    skip(*length);
    box_.read(data.substr(0, *length));
    boxReceived();
    return true;
}

void Amp::boxReceived() {
    if (const auto tag = box_.get(kAnswer)) {
        answerReceived(*tag, {.box = &box_});
    } else if (const auto failed = box_.get(kError)) {
        const RemoteError error{std::string(box_.get(kErrorCode).value_or(kUnknown)),
                                std::string(box_.get(kErrorDescription).value_or(""))};
        answerReceived(*failed, {.error = &error});
    } else if (const auto name = box_.get(kCommand)) {
        commandReceived(*name);
    } else {
        throw ProtocolError("AMP: a box that is no command, answer or error");
    }
}

void Amp::answerReceived(std::string_view tag, const Answer& answer) {
    std::size_t slot = 0;
    const char* const end = tag.data() + tag.size();
    const auto [stop, error] = std::from_chars(tag.data(), end, slot, kTagBase);
    if (error != std::errc() || stop != end || slot >= slots_.size() || !slots_[slot]) {
        throw ProtocolError("AMP: an answer to what was not asked");
    }
    Answered answered = std::exchange(slots_[slot], {});
    freeSlots_.push_back(slot);
    answered(answer);
}

void Amp::commandReceived(std::string_view name) {
    if (transport() != nullptr && transport()->bytesBuffered() > maxUnsentBytes_) {
        throw ProtocolError("AMP: the peer asks and takes no answers: more than " +
                            std::to_string(maxUnsentBytes_) +
                            " bytes wait for it (Amp::setMaxUnsentBytes)");
    }
    const std::optional<std::string_view> tag = box_.get(kAsk);
    Question question(Ref<Amp>(this), tag ? std::optional<std::string>(*tag) : std::nullopt);
    CommandLocator::Respond* respond = own_ ? own_->find(name) : nullptr;
    if (respond == nullptr && shared_) {
        respond = shared_->find(name);
    }
    if (respond != nullptr) {
        (*respond)(*this, box_, std::move(question));
    } else if (name == StartTls::kCommandName && acceptedTls_) {
        startTlsReceived(std::move(question));
    } else {
        question.fail(UnhandledCommand("Unhandled Command: '" + std::string(name) + "'"), {});
    }
}

Deferred<> Amp::callStartTls(const TlsContext& context, IReactorTime& clock,
                             const std::string& host) {
    const Ref<Amp> self(this);
    Deferred<> answer = callRemote(StartTls());
    holding_ = true;
    return answer
        .addCallback([self, terms = TlsTerms{context, clock, host}] { self->beginTls(terms); })
        .addErrback([self](const Failure& why) {
            // What was to be secret must not be sent as it is.
            if (self->transport() != nullptr) {
                self->transport()->abortConnection();
            }
            why.raise();
        });
}

void Amp::acceptStartTls(const TlsContext& context, IReactorTime& clock, std::string host) {
    acceptedTls_.emplace(TlsTerms{context, clock, std::move(host)});
}

void Amp::startTlsReceived(Question question) {
    const TlsTerms terms = std::move(*acceptedTls_);
    acceptedTls_.reset();
    question.answer([](BoxWriter&) {});
    beginTls(terms);
}

/// What has come behind the box that agreed to it is TLS already.
void Amp::beginTls(const TlsTerms& terms) {
    ITransport& below = *transport();
    const std::string begun = takeUnparsed();
    startTls(below, terms.context, terms.clock, terms.host);
    holding_ = false;
    transport()->write(std::exchange(held_, {}));
    if (!begun.empty()) {
        const Ref<IProtocol> tls = below.switchProtocol(Ref<IProtocol>(this));
        below.switchProtocol(tls);
        tls->dataReceived(asBytes(begun));
    }
}

}  // namespace marline::amp
