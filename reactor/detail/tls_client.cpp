#include <marline/reactor/detail/tls_client.hpp>

#include <array>

#include <openssl/x509v3.h>

#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/detail/tls_layer.hpp>
#include <marline/reactor/resolver.hpp>

namespace marline::detail {
namespace {

TlsLayer& layerOf(const SSL* ssl) { return *static_cast<TlsLayer*>(SSL_get_app_data(ssl)); }

/// Notes what is wrong with which certificate of the peer's chain.
int verifyPeer(int trusted, X509_STORE_CTX* store) {
    if (trusted == 1) {
        return 1;
    }
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    std::array<char, 256> subject{};
    if (X509* certificate = X509_STORE_CTX_get_current_cert(store)) {
        X509_NAME_oneline(X509_get_subject_name(certificate), subject.data(),
                          static_cast<int>(subject.size()));
    }
    layerOf(ssl).noteRefusal(std::string("certificate ") + subject.data() + ": " +
                             X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    return 0;
}

int newSession(SSL* ssl, SSL_SESSION* session) {
    layerOf(ssl).noteSession(session);
    return 1;
}

}  // namespace

void prepareClient(SSL* ssl, const TlsContext& context, const std::string& host) {
    const TlsContext::State& state = context.state();
    Address literal;
    const bool numeric = parseNumericAddress(host, 0, literal);
    if (!numeric) {
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(host.c_str()));
    }
    if (state.verify) {
        X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
        X509_VERIFY_PARAM_set_hostflags(
            param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        const int named = numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str())
                                  : X509_VERIFY_PARAM_set1_host(param, host.c_str(), 0);
        if (named != 1) {
            throw TlsError("'" + host + "' is no name that a certificate could be for");
        }
        SSL_set_verify(ssl, SSL_VERIFY_PEER, &verifyPeer);
    }
    SSL_CTX_set_session_cache_mode(context.native(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.native(), &newSession);
    if (SSL_SESSION* session = state.sessionFor(host)) {
        SSL_set_session(ssl, session);
    }
    SSL_set_connect_state(ssl);
}

}  // namespace marline::detail
