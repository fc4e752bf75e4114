// How a TlsLayer reads, from the handshake to the end.
#include <marline/reactor/detail/tls_layer.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <utility>

#include <openssl/err.h>

#include <marline/reactor/detail/tls_bio.hpp>
#include <marline/reactor/detail/tls_file_queue.hpp>
#include <marline/reactor/detail/tls_peer.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>
#include <marline/reactor/tls.hpp>

namespace marline::detail {
namespace {

// The most plain text in one record (RFC 8446 §5.1).
constexpr std::size_t kRecord = 16 * 1024;

/// Where records are decrypted to: one for each thread, another one for TLS inside of TLS.
class PlainText {
public:
    PlainText() : nested_(busy) {
        if (nested_) {
            own_ = std::make_unique<std::array<std::byte, kRecord>>();
        }
        busy = true;
    }
    PlainText(const PlainText&) = delete;
    PlainText& operator=(const PlainText&) = delete;
    ~PlainText() { busy = nested_; }

    std::span<std::byte> get() noexcept { return nested_ ? *own_ : shared; }

private:
    inline static thread_local std::array<std::byte, kRecord> shared;
    inline static thread_local bool busy = false;

    bool nested_;
    std::unique_ptr<std::array<std::byte, kRecord>> own_;
};

}  // namespace

TlsLayer::TlsLayer(const TlsContext& context, const std::string& host, IReactorTime& clock,
                   Duration handshakeTimeout, Ref<IProtocol> above, Established established)
    : context_(context), name_(host), ssl_(SSL_new(context.native())), clock_(clock),
      above_(std::move(above)), established_(std::move(established)),
      handshakeTimeout_(handshakeTimeout) {
    if (!ssl_) {
        throw TlsError("cannot make a TLS connection: " + opensslError());
    }
    BIO* bio = makeLayerBio(*this);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    if (context.state().server) {
        prepareServer(ssl_.get(), context);
    } else {
        prepareClient(ssl_.get(), context, host);
    }
}

TlsLayer::~TlsLayer() = default;

// The connection below.

void TlsLayer::takeOver(ITransport& below) {
    above_ = below.switchProtocol(Ref<IProtocol>(this));
    try {
        above_->transportChanged(*this);
    } catch (...) {
        const Ref<TlsLayer> alive(this);
        below.switchProtocol(std::exchange(above_, {}));
        throw;
    }
    connected_ = true;
    makeConnection(below);
}

void TlsLayer::makeConnection(ITransport& below) {
    below_ = &below;
    peer_ = below.getPeer();
    callLater(handshakeTimeout_, &TlsLayer::handshakeTimedOut);
    pump();
}

void TlsLayer::dataReceived(std::span<const std::byte> data) {
    if (pumping_ || !held_.empty()) {
        held_ += asText(data);
        return;
    }
    input_ = data;
    pump();
}

void TlsLayer::connectionLost(const Failure& reason) {
    const Ref<TlsLayer> alive(this);
    below_ = nullptr;
    cancelTimer();
    const Failure why = ending(reason);
    if (why.check<TlsError>() == nullptr) {
        // Else OpenSSL forgets the session, which the next connection is to resume.
        SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    state_ = State::Closed;
    const Ref<IProtocol> above = std::exchange(above_, {});
    settle(why);  // when the handshake was not done
    dropFiles(why);
    if (!connected_) {
        return;
    }
    IProducer* producer = std::exchange(producer_, nullptr);
    if (producer != nullptr && !producerBelow_) {
        producer->stopProducing();
    }
    above->connectionLost(why);
}

/// What the protocol above is told when the connection below ended with `reason`.
Failure TlsLayer::ending(const Failure& reason) const {
    if (failure_) {
        return *failure_;
    }
    if (reason.check<ConnectionAborted>() != nullptr) {
        return reason;
    }
    const bool done = reason.check<ConnectionDone>() != nullptr;
    const bool gone = done || reason.check<ConnectionLost>() != nullptr;
    if (state_ == State::Handshaking && gone) {
        return Failure::make<TlsError>("TLS handshake with " + whom() +
                                       " failed: " + reason.message());
    }
    if (peerSaidGoodbye_ && gone) {
        return ConnectionDone();  // whether ours arrived does not matter
    }
    return done && state_ == State::Open ? Failure(ConnectionTruncated()) : reason;
}

std::size_t TlsLayer::takeInput(void* to, std::size_t most) noexcept {
    const std::size_t count = std::min(most, input_.size());
    std::copy_n(input_.data(), count, static_cast<std::byte*>(to));
    input_ = input_.subspan(count);
    return count;
}

void TlsLayer::noteSession(SSL_SESSION* session) { context_.state().remember(name_, session); }

/// Goes on as far as the bytes that are there lead.
void TlsLayer::pump() {
    if (pumping_ || failure_ || state_ == State::Closed) {
        return;
    }
    const Ref<TlsLayer> alive(this);
    std::string kept;
    if (!held_.empty()) {
        kept = std::exchange(held_, {});
        input_ = asBytes(kept);
    }
    // Also when a callback throws: what was not read must not be lost, nor read twice.
    struct Pumping {
        TlsLayer& layer;
        explicit Pumping(TlsLayer& owner) : layer(owner) { layer.pumping_ = true; }
        ~Pumping() {
            layer.pumping_ = false;
            layer.held_.insert(0, asText(layer.input_));
            layer.input_ = {};
        }
    };
    {
        const Pumping pumping(*this);
        if (state_ != State::Handshaking || handshake()) {
            readRecords();
        }
    }
    finish();
}

/// Sends what was gathered, and the goodbye when it is time for it.
void TlsLayer::finish() {
    if (state_ != State::Handshaking) {
        encryptGathered();
    }
    if (state_ == State::Closing) {
        sayGoodbye();
    } else {
        sendRecords();
        beginFiles();
    }
}

bool TlsLayer::handshake() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
        cancelTimer();
        state_ = State::Open;
        tellAbove();
        return true;
    }
    if (SSL_get_error(ssl_.get(), done) != SSL_ERROR_WANT_READ) {
        fail(refusal("TLS handshake with "));
    }
    return false;
}

void TlsLayer::tellAbove() {
    if (paused_) {
        below_->pauseProducing();  // the handshake could not be paused
    }
    const Ref<IProtocol> above = above_;
    try {
        if (!connected_) {
            connected_ = true;
            above->makeConnection(*this);
        }
        if (state_ == State::Open && !failure_) {
            above->handshakeCompleted();
        }
    } catch (...) {
        settle(Failure::current());
        throw;
    }
    settle(above);
    startWriting();
}

void TlsLayer::readRecords() {
    PlainText buffer;
    while (!failure_ && (state_ == State::Closing || (state_ == State::Open && !paused_)) &&
           readRecord(buffer.get())) {
    }
}

bool TlsLayer::readRecord(std::span<std::byte> buffer) {
    ERR_clear_error();
    std::size_t got = 0;
    const int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got);
    if (done == 1) {
        if (state_ == State::Open && !closeWanted_) {
            above_->dataReceived(buffer.first(got));
        }
        return true;
    }
    const int error = SSL_get_error(ssl_.get(), done);
    if (error == SSL_ERROR_WANT_READ) {
        return false;
    }
    if (error == SSL_ERROR_ZERO_RETURN || state_ == State::Closing) {
        peerSaidGoodbye_ = true;
        input_ = {};
        loseConnection();
    } else {
        fail(refusal("TLS connection to "));
    }
    return false;
}

/// Delivers what was kept while reading was paused: from a later turn, as everything.
void TlsLayer::readHeld() {
    if (paused_) {
        return;
    }
    const Ref<TlsLayer> alive(this);
    try {
        pump();
    } catch (...) {
        const Failure why = Failure::current();
        log(LogLevel::Error,
            "exception in a protocol's callback, closing " + peer_.toString() + ": " + why.brief());
        fail(why);
    }
    if (below_ != nullptr && !paused_ && !failure_) {
        below_->resumeProducing();
    }
}

// Ends.

void TlsLayer::callLater(Duration delay, void (TlsLayer::*call)()) {
    timer_ = clock_.callLater(delay, [this, call] { (this->*call)(); });
}

void TlsLayer::cancelTimer() {
    if (timer_.active()) {
        timer_.cancel();
    }
}

void TlsLayer::handshakeTimedOut() {
    const auto allowed =
        std::chrono::duration_cast<std::chrono::milliseconds>(handshakeTimeout_).count();
    fail(Failure::make<ConnectTimeoutError>("TLS handshake with " + whom() +
                                            " failed: not done within " + std::to_string(allowed) +
                                            " ms (handshakeTimeout)"));
}

void TlsLayer::goodbyeTimedOut() {
    if (below_ != nullptr) {
        below_->loseConnection();
    }
}

/// The other end, for messages.
std::string TlsLayer::whom() const {
    return name_.empty() ? peer_.toString() : name_ + " (" + peer_.toString() + ")";
}

Failure TlsLayer::refusal(const std::string& what) const {
    const std::string reason = opensslError();
    return Failure::make<TlsError>(what + whom() +
                                   " failed: " + (refusal_.empty() ? reason : refusal_));
}

/// Ends with an error: the alert that OpenSSL has written goes out, then the connection closes.
void TlsLayer::fail(const Failure& why) {
    if (state_ == State::Closed || failure_) {
        return;
    }
    const Ref<TlsLayer> alive(this);
    failure_ = why;
    cancelTimer();
    if (!connected_) {
        settle(why);
    }
    input_ = {};
    sendRecords();
    if (below_ == nullptr) {
        return;
    }
    if (why.check<ConnectTimeoutError>() != nullptr) {
        below_->abortConnection();
        return;
    }
    dropFiles(why);
    releaseProducer();  // its writes lead nowhere, so nobody shall wait for them
    below_->loseConnection();
}

void TlsLayer::settle(Result<Ref<IProtocol>> outcome) {
    if (established_) {
        Established told = std::move(established_);
        established_.reset();
        told(std::move(outcome));
    }
}

Ref<IProtocol> TlsLayer::switchProtocol(Ref<IProtocol> next) {
    if (producer_ != nullptr) {
        throw std::logic_error("a producer is registered; unregister it before the switch");
    }
    if (disconnecting() || state_ != State::Open) {
        throw std::logic_error("the TLS connection is not open");
    }
    above_.swap(next);
    return next;
}

// What is known of the connection.

const Address& TlsLayer::getHost() const noexcept {
    static const Address unknown;
    return below_ != nullptr ? below_->getHost() : unknown;
}

std::optional<TlsCertificate> TlsLayer::getPeerCertificate() const {
    const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr) {
        return std::nullopt;
    }
    return TlsCertificate::fromNative(*certificate);
}

std::string_view TlsLayer::negotiatedProtocol() const noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsLayer::serverName() const noexcept {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? name : "";
}

std::string_view TlsLayer::cipher() const noexcept { return SSL_get_cipher_name(ssl_.get()); }

}  // namespace marline::detail
