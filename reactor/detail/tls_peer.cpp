#include <marline/reactor/detail/tls_peer.hpp>

#include <openssl/x509v3.h>

#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/detail/tls_layer.hpp>
#include <marline/reactor/detail/x509_text.hpp>
#include <marline/reactor/resolver.hpp>

namespace marline::detail {
namespace {

TlsLayer& layerOf(const SSL* ssl) { return *static_cast<TlsLayer*>(SSL_get_app_data(ssl)); }

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) {
        all += (all.empty() ? "" : ", ") + text;
    }
    return all.empty() ? "nobody" : all;
}

/// What is wrong with `certificate`, in words that say what to do where there is something.
std::string complaint(const X509& certificate, int error, const std::string& host) {
    const std::string about = "certificate " + nameText(X509_get_subject_name(&certificate)) +
                              ": " + X509_verify_cert_error_string(error);
    const std::string knob = "; TlsContext::trustPem() and trustFile() add to what is trusted";
    switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return about + ": it is for " + joined(alternativeNames(certificate)) + ", not for " + host;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return about + " on " + timeText(X509_get0_notAfter(&certificate));
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return about + " before " + timeText(X509_get0_notBefore(&certificate));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: return about + knob;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return about + ", which is " + nameText(X509_get_issuer_name(&certificate)) + knob;
    default: return about;
    }
}

/// Notes what is wrong with which certificate of the peer's chain.
int verifyPeer(int trusted, X509_STORE_CTX* store) {
    if (trusted == 1) {
        return 1;
    }
    auto* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    TlsLayer& layer = layerOf(ssl);
    const int error = X509_STORE_CTX_get_error(store);
    const X509* certificate = X509_STORE_CTX_get_current_cert(store);
    layer.noteRefusal(certificate != nullptr ? complaint(*certificate, error, layer.name())
                                             : X509_verify_cert_error_string(error));
    return 0;
}

void verifyHost(SSL* ssl, const std::string& host, bool numeric) {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(
        param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    const int named = numeric ? X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str())
                              : X509_VERIFY_PARAM_set1_host(param, host.data(), host.size());
    if (named != 1) {
        throw TlsError("'" + host + "' is no name that a certificate could be for");
    }
    SSL_set_verify(ssl, SSL_VERIFY_PEER, &verifyPeer);
}

}  // namespace

void prepareClient(SSL* ssl, const TlsContext& context, const std::string& host) {
    // OpenSSL would take an empty name for none to check, and a NUL for the end of it.
    if (host.empty() || host.find('\0') != std::string::npos) {
        throw TlsError("a TLS client needs the name of the host that it wants to reach");
    }
    // The dot that ends an absolute name is none of the certificate's (RFC 6066 §3).
    const std::string name = host.back() == '.' ? host.substr(0, host.size() - 1) : host;
    Address literal;
    const bool numeric = parseNumericAddress(name, 0, literal);
    if (!numeric && SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                             const_cast<char*>(name.c_str())) != 1) {
        throw TlsError("'" + host + "' is no host name for TLS: " + opensslError());
    }
    if (context.state().verify) {
        verifyHost(ssl, name, numeric);
    }
    if (SSL_SESSION* session = context.state().sessionFor(host)) {
        SSL_set_session(ssl, session);
    }
    SSL_set_connect_state(ssl);
}

void askForCertificate(SSL* ssl, const TlsContext& context) {
    const TlsContext::State& state = context.state();
    if (!state.clientCertificates) {
        SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
        return;
    }
    const bool required = *state.clientCertificates == ClientCertificates::Required;
    SSL_set_verify(ssl, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                   &verifyPeer);
}

void prepareServer(SSL* ssl, const TlsContext& context) {
    askForCertificate(ssl, context);
    SSL_set_accept_state(ssl);
}

}  // namespace marline::detail
