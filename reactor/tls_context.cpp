#include <marline/reactor/tls_context.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <marline/reactor/detail/tls_context_state.hpp>

namespace marline {
namespace detail {

std::string opensslError() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return reason != nullptr ? reason : "unknown reason";
}

namespace {

using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

BioPtr bioOf(std::string_view text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file.is_open() || file.bad()) {
        throw TlsError("cannot read " + path + ": " + std::strerror(errno));
    }
    return text;
}

/// A key that is encrypted is refused instead of asking for a password on the terminal.
int noPassword(char*, int, int, void*) { return 0; }

void useChain(SSL_CTX* ctx, std::string_view chainPem, const std::string& from) {
    const BioPtr bio = bioOf(chainPem);
    const X509Ptr leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, &noPassword, nullptr));
    if (!leaf) {
        throw TlsError("no certificate in " + from + ": " + opensslError());
    }
    if (SSL_CTX_use_certificate(ctx, leaf.get()) != 1) {
        throw TlsError("cannot use the certificate in " + from + ": " + opensslError());
    }
    SSL_CTX_clear_chain_certs(ctx);
    while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, &noPassword, nullptr)) {
        SSL_CTX_add0_chain_cert(ctx, next);
    }
    ERR_clear_error();
}

void useKey(SSL_CTX* ctx, std::string_view keyPem, const std::string& from) {
    const BioPtr bio = bioOf(keyPem);
    const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &noPassword, nullptr));
    if (!key) {
        throw TlsError("no private key in " + from + " (or an encrypted one): " + opensslError());
    }
    if (SSL_CTX_use_PrivateKey(ctx, key.get()) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
        throw TlsError("the private key in " + from +
                       " does not belong to the certificate: " + opensslError());
    }
}

void trust(SSL_CTX* ctx, std::string_view caPem, const std::string& from) {
    const BioPtr bio = bioOf(caPem);
    int count = 0;
    while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, &noPassword, nullptr)) {
        const X509Ptr owned(certificate);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certificate);
        ++count;
    }
    if (count == 0) {
        throw TlsError("no CA certificate in " + from + ": " + opensslError());
    }
    ERR_clear_error();
}

int selectAlpn(SSL*, const unsigned char** out, unsigned char* outLength, const unsigned char* in,
               unsigned inLength, void* data) {
    const auto& ours = static_cast<TlsContext::State*>(data)->alpn;
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, outLength, ours.data(), static_cast<unsigned>(ours.size()),
                              in, inLength) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace
}  // namespace detail

TlsContext::State::State(bool isServer)
    : ctx(SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method())), server(isServer) {
    if (!ctx) {
        throw TlsError("cannot make a TLS context: " + detail::opensslError());
    }
    SSL_CTX_set_min_proto_version(ctx.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(ctx.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (isServer) {
        const unsigned char id[] = "marline";
        SSL_CTX_set_session_id_context(ctx.get(), id, sizeof id - 1);
    }
}

void TlsContext::State::remember(const std::string& host, SSL_SESSION* session) {
    if (sessions_.insert_or_assign(host, detail::SessionPtr(session)).second) {
        order_.push_back(host);
        if (order_.size() > kMaxSessions) {
            sessions_.erase(order_.front());
            order_.pop_front();
        }
    }
}

SSL_SESSION* TlsContext::State::sessionFor(const std::string& host) const {
    const auto found = sessions_.find(host);
    return found != sessions_.end() ? found->second.get() : nullptr;
}

TlsContext::TlsContext(Ref<State> state) noexcept : state_(std::move(state)) {}
TlsContext::TlsContext(const TlsContext&) noexcept = default;
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext& TlsContext::operator=(TlsContext other) noexcept {
    state_.swap(other.state_);
    return *this;
}
TlsContext::~TlsContext() = default;

TlsContext TlsContext::client() { return TlsContext(makeRef<State>(false)); }

TlsContext TlsContext::server(std::string_view chainPem, std::string_view keyPem) {
    TlsContext context(makeRef<State>(true));
    return context.certificatePem(chainPem, keyPem);
}

TlsContext TlsContext::serverFromFiles(const std::string& chainFile, const std::string& keyFile) {
    TlsContext context(makeRef<State>(true));
    SSL_CTX* ctx = context.state_->ctx.get();
    detail::useChain(ctx, detail::readFile(chainFile), chainFile);
    detail::useKey(ctx, detail::readFile(keyFile), keyFile);
    return context;
}

TlsContext& TlsContext::certificatePem(std::string_view chainPem, std::string_view keyPem) {
    detail::useChain(state_->ctx.get(), chainPem, "the given chain");
    detail::useKey(state_->ctx.get(), keyPem, "the given key");
    return *this;
}

TlsContext& TlsContext::trustPem(std::string_view caPem) {
    detail::trust(state_->ctx.get(), caPem, "the given text");
    state_->trustLoaded = true;
    return *this;
}

TlsContext& TlsContext::trustFile(const std::string& caFile) {
    detail::trust(state_->ctx.get(), detail::readFile(caFile), caFile);
    state_->trustLoaded = true;
    return *this;
}

TlsContext& TlsContext::alpn(const std::vector<std::string>& protocols) {
    state_->alpn.clear();
    for (const std::string& protocol : protocols) {
        if (protocol.empty() || protocol.size() > 255) {
            throw std::invalid_argument("an ALPN protocol has 1 to 255 characters");
        }
        state_->alpn.push_back(static_cast<unsigned char>(protocol.size()));
        state_->alpn.insert(state_->alpn.end(), protocol.begin(), protocol.end());
    }
    if (state_->server) {
        SSL_CTX_set_alpn_select_cb(state_->ctx.get(), &detail::selectAlpn, state_.get());
    } else {
        SSL_CTX_set_alpn_protos(state_->ctx.get(), state_->alpn.data(),
                                static_cast<unsigned>(state_->alpn.size()));
    }
    return *this;
}

TlsContext& TlsContext::insecure() {
    state_->verify = false;
    return *this;
}

ssl_ctx_st* TlsContext::native() const {
    if (!state_->server && state_->verify && !state_->trustLoaded) {
        state_->trustLoaded = true;
        SSL_CTX_set_default_verify_paths(state_->ctx.get());
    }
    return state_->ctx.get();
}

}  // namespace marline
