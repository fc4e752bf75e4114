#include <marline/reactor/detail/tls_context_state.hpp>

#include <array>
#include <stdexcept>
#include <utility>

#include <openssl/err.h>

#include <marline/reactor/detail/tls_callbacks.hpp>

namespace marline {

std::string detail::opensslError() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return reason != nullptr ? reason : "unknown reason";
}

TlsContext::State::State(bool isServer) : server(isServer), ctx_(fresh()) {}

/// What every context begins with.
detail::SslCtxPtr TlsContext::State::fresh() const {
    detail::SslCtxPtr made(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
    if (!made) {
        throw TlsError("cannot make a TLS context: " + detail::opensslError());
    }
    SSL_CTX* ctx = made.get();
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(
        ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_app_data(ctx, const_cast<State*>(this));
    if (server) {
        const unsigned char id[] = "marline";
        SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    } else {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, &detail::newSession);
    }
    return made;
}

void TlsContext::State::apply(Step step) {
    step(ctx_.get());
    steps_.push_back(std::move(step));
}

detail::SslCtxPtr TlsContext::State::rebuilt() {
    detail::SslCtxPtr made = fresh();
    for (Step& step : steps_) {
        step(made.get());
    }
    return made;
}

void TlsContext::State::use(detail::SslCtxPtr made) noexcept {
    std::array<unsigned char, sizeof(TlsTicketKey::bytes)> keys{};
    if (SSL_CTX_get_tlsext_ticket_keys(ctx_.get(), keys.data(), keys.size()) == 1) {
        SSL_CTX_set_tlsext_ticket_keys(made.get(), keys.data(), keys.size());
    }
    ctx_ = std::move(made);
    systemLoaded_ = false;
}

SSL_CTX* TlsContext::State::native() {
    if (!server && verify && !trusts && !systemLoaded_) {
        systemLoaded_ = true;
        SSL_CTX_set_default_verify_paths(ctx_.get());
    }
    return ctx_.get();
}

void TlsContext::State::trustSomebody() {
    trusts = true;
    if (server && !clientCertificates) {
        clientCertificates = ClientCertificates::Required;
    }
}

void TlsContext::State::speak(int least, int most) {
    if (most != 0 && least > most) {
        throw std::invalid_argument("no TLS version is left: the minimum is above the maximum");
    }
    minimum = least;
    maximum = most;
    apply([least, most](SSL_CTX* ctx) {
        SSL_CTX_set_min_proto_version(ctx, least);
        SSL_CTX_set_max_proto_version(ctx, most);
        if (least < TLS1_2_VERSION) {
            // What these versions need is below every other level.
            SSL_CTX_set_security_level(ctx, 0);
        }
    });
}

const TlsContext* TlsContext::State::contextFor(std::string_view name) const {
    auto found = names.find(name);
    if (found == names.end()) {
        const std::size_t dot = name.find('.');
        if (dot == std::string_view::npos || dot == 0) {
            return nullptr;
        }
        found = names.find("*" + std::string(name.substr(dot)));
    }
    return found != names.end() ? &found->second : nullptr;
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

}  // namespace marline
