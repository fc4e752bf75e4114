#include <marline/reactor/detail/tls_layer.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <openssl/err.h>

#include <marline/reactor/detail/tls_bio.hpp>
#include <marline/reactor/detail/tls_client.hpp>
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
        SSL_set_accept_state(ssl_.get());
    } else {
        prepareClient(ssl_.get(), context, host);
    }
}

TlsLayer::~TlsLayer() = default;

// Below.

void TlsLayer::makeConnection(ITransport& below) {
    below_ = &below;
    host_ = below.getHost();
    peer_ = below.getPeer();
    deadline_ = clock_.callLater(handshakeTimeout_, [this] {
        const auto allowed =
            std::chrono::duration_cast<std::chrono::milliseconds>(handshakeTimeout_).count();
        fail(Failure::make<ConnectTimeoutError>(
            "TLS handshake with " + whom() + " failed: not done within " + std::to_string(allowed) +
            " ms (handshakeTimeout)"));
    });
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
    for (DelayedCall* call : {&deadline_, &resumption_}) {
        if (call->active()) {
            call->cancel();
        }
    }
    const bool opened = state_ != State::Handshaking && !established_;
    const bool saidGoodbye = state_ == State::Closing || peerSaidGoodbye_;
    state_ = State::Closed;
    if (!opened) {
        above_.reset();
        settle(failure_ ? *failure_
                        : Failure::make<TlsError>("TLS handshake with " + whom() +
                                                  " failed: " + reason.message()));
        return;
    }
    const Ref<IProtocol> above = std::exchange(above_, {});
    if (failure_) {
        above->connectionLost(*failure_);
    } else if (reason.check<ConnectionDone>() != nullptr && !saidGoodbye) {
        above->connectionLost(ConnectionTruncated());
    } else {
        above->connectionLost(saidGoodbye && reason.check<ConnectionAborted>() == nullptr
                                  ? Failure(ConnectionDone())
                                  : reason);
    }
}

std::size_t TlsLayer::takeInput(void* to, std::size_t most) noexcept {
    const std::size_t count = std::min(most, input_.size());
    std::copy_n(input_.data(), count, static_cast<std::byte*>(to));
    input_ = input_.subspan(count);
    return count;
}

void TlsLayer::sendOutput(std::span<const std::byte> record) {
    if (below_ != nullptr) {
        below_->write(record);
    }
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
    flushGathered();
    if (state_ == State::Closing) {
        sayGoodbye();
    }
}

bool TlsLayer::handshake() {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    if (done == 1) {
        deadline_.cancel();
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
    try {
        above_->makeConnection(*this);
    } catch (...) {
        settle(Failure::current());
        throw;
    }
    settle(above_);
}

void TlsLayer::readRecords() {
    PlainText buffer;
    while (state_ == State::Open && !paused_ && readRecord(buffer.get())) {
    }
    if (state_ == State::Closing) {
        input_ = {};
    }
}

bool TlsLayer::readRecord(std::span<std::byte> buffer) {
    ERR_clear_error();
    std::size_t got = 0;
    const int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got);
    if (done == 1) {
        if (!closeWanted_) {
            above_->dataReceived(buffer.first(got));
        }
        return true;
    }
    switch (SSL_get_error(ssl_.get(), done)) {
    case SSL_ERROR_WANT_READ: return false;
    case SSL_ERROR_ZERO_RETURN:
        peerSaidGoodbye_ = true;
        loseConnection();
        return false;
    default: fail(refusal("TLS connection to ")); return false;
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
    const bool opened = state_ == State::Open || state_ == State::Closing;
    if (!opened) {
        if (deadline_.active()) {
            deadline_.cancel();
        }
        settle(why);
    }
    input_ = {};
    if (below_ != nullptr) {
        if (why.check<ConnectTimeoutError>() != nullptr) {
            below_->abortConnection();
        } else {
            below_->loseConnection();
        }
    }
}

void TlsLayer::settle(Result<Ref<IProtocol>> outcome) {
    if (established_) {
        Established told = std::move(established_);
        established_.reset();
        told(std::move(outcome));
    }
}

// Above.

void TlsLayer::write(std::span<const std::byte> data) {
    if (state_ != State::Open || failure_) {
        return;
    }
    if (!pumping_) {
        encrypt(data);
        return;
    }
    gathered_ += asText(data);
    if (gathered_.size() >= kRecord) {
        flushGathered();
    }
}

void TlsLayer::writeSequence(std::span<const std::span<const std::byte>> pieces) {
    std::string whole;
    for (const std::span<const std::byte> piece : pieces) {
        whole += asText(piece);
    }
    write(asBytes(whole));
}

void TlsLayer::encrypt(std::span<const std::byte> data) {
    while (!data.empty() && below_ != nullptr) {
        ERR_clear_error();
        std::size_t wrote = 0;
        if (SSL_write_ex(ssl_.get(), data.data(), data.size(), &wrote) != 1) {
            fail(refusal("TLS connection to "));
            return;
        }
        data = data.subspan(wrote);
    }
}

void TlsLayer::flushGathered() {
    if (!gathered_.empty()) {
        const std::string data = std::exchange(gathered_, {});
        encrypt(asBytes(data));
    }
}

void TlsLayer::loseConnection() {
    if (state_ != State::Open) {
        return;
    }
    if (producing_) {
        // Goes on when the producer is done (Twisted: TLS waits for every producer).
        closeWanted_ = true;
        return;
    }
    state_ = State::Closing;
    if (!pumping_) {
        flushGathered();
        sayGoodbye();
    }
}

void TlsLayer::sayGoodbye() {
    if (below_ != nullptr && !failure_) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
        below_->loseConnection();
    }
}

void TlsLayer::abortConnection() {
    if (state_ != State::Closed && below_ != nullptr) {
        input_ = {};
        gathered_.clear();
        if (state_ == State::Open) {
            failure_ = Failure(ConnectionAborted());
        }
        below_->abortConnection();
    }
}

void TlsLayer::pauseProducing() {
    paused_ = true;
    if (below_ != nullptr) {
        below_->pauseProducing();
    }
}

void TlsLayer::resumeProducing() {
    paused_ = false;
    if (below_ == nullptr) {
        return;
    }
    if (held_.empty()) {
        below_->resumeProducing();
    } else if (!resumption_.active()) {
        resumption_ = clock_.callLater(Duration::zero(), [this] { readHeld(); });
    }
}

/// Delivers what was kept while reading was paused: from a later turn, as everything.
void TlsLayer::readHeld() {
    const Ref<TlsLayer> alive(this);
    try {
        pump();
    } catch (...) {
        const Failure why = Failure::current();
        log(LogLevel::Error,
            "exception in a protocol's callback, closing " + peer_.toString() + ": " + why.brief());
        fail(why);
    }
    if (below_ != nullptr && !paused_) {
        below_->resumeProducing();
    }
}

void TlsLayer::registerProducer(IProducer& producer, Producing mode) {
    if (below_ == nullptr || state_ != State::Open) {
        producer.stopProducing();
        return;
    }
    producing_ = true;
    below_->registerProducer(producer, mode);
}

void TlsLayer::unregisterProducer() {
    producing_ = false;
    if (below_ != nullptr) {
        below_->unregisterProducer();
    }
    if (std::exchange(closeWanted_, false)) {
        loseConnection();
    }
}

std::size_t TlsLayer::bytesBuffered() const noexcept {
    return gathered_.size() + (below_ != nullptr ? below_->bytesBuffered() : 0);
}

void TlsLayer::setTcpNoDelay(bool on) {
    if (below_ != nullptr) {
        below_->setTcpNoDelay(on);
    }
}

void TlsLayer::setTcpKeepAlive(bool on) {
    if (below_ != nullptr) {
        below_->setTcpKeepAlive(on);
    }
}

}  // namespace marline::detail
