#include <marline/reactor/detail/tls_callbacks.hpp>

#include <algorithm>
#include <cstring>
#include <string>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/detail/tls_layer.hpp>
#include <marline/reactor/detail/tls_peer.hpp>

namespace marline::detail {
namespace {

// How the 80 bytes of a ticket key are used.
constexpr std::size_t kNameBytes = 16;
constexpr std::size_t kMacBytes = 32;

TlsLayer& layerOf(const SSL* ssl) { return *static_cast<TlsLayer*>(SSL_get_app_data(ssl)); }

/// The name in a client's server_name extension (RFC 6066 §3); empty without one.
std::string_view askedName(SSL* ssl) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) != 1 || size < 5 ||
        data[2] != TLSEXT_NAMETYPE_host_name) {
        return {};
    }
    const std::size_t length = data[3] * std::size_t{256} + data[4];
    return {reinterpret_cast<const char*>(data) + 5, std::min(length, size - 5)};
}

const TlsTicketKey* keyNamed(const std::vector<TlsTicketKey>& keys, const unsigned char* name) {
    const auto found = std::find_if(keys.begin(), keys.end(), [name](const TlsTicketKey& key) {
        return std::memcmp(key.bytes.data(), name, kNameBytes) == 0;
    });
    return found != keys.end() ? &*found : nullptr;
}

bool prepareMac(EVP_MAC_CTX* mac, const unsigned char* key) {
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key),
                                          kMacBytes),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

}  // namespace

int newSession(SSL* ssl, SSL_SESSION* session) {
    if (!layerOf(ssl).context().state().tickets) {
        return 0;
    }
    layerOf(ssl).noteSession(session);
    return 1;
}

int selectAlpn(SSL*, const unsigned char** out, unsigned char* outLength, const unsigned char* in,
               unsigned inLength, void* state) {
    const auto& ours = static_cast<TlsContext::State*>(state)->alpn;
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, outLength, ours.data(), static_cast<unsigned>(ours.size()),
                              in, inLength) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

int chooseContext(SSL* ssl, int*, void* state) {
    std::string name(askedName(ssl));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const TlsContext* chosen = static_cast<TlsContext::State*>(state)->contextFor(name);
    if (chosen == nullptr) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    TlsContext::State& other = chosen->state();
    SSL_set_SSL_CTX(ssl, other.native());
    // The rest was copied from the first context when the connection was made.
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(name.data(), name.size(), id, &size, EVP_sha256(), nullptr) != 1 ||
        SSL_set_session_id_context(ssl, id, size) != 1 ||
        SSL_set_min_proto_version(ssl, other.minimum) != 1 ||
        SSL_set_max_proto_version(ssl, other.maximum) != 1) {
        return SSL_CLIENT_HELLO_ERROR;
    }
    if (!other.tickets) {
        SSL_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_set_num_tickets(ssl, 0);
    }
    askForCertificate(ssl, *chosen);
    return SSL_CLIENT_HELLO_SUCCESS;
}

int sealTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int seals) {
    const std::vector<TlsTicketKey>& keys = layerOf(ssl).context().state().ticketKeys;
    const TlsTicketKey* key = seals == 1 ? &keys.front() : keyNamed(keys, name);
    if (key == nullptr) {
        return 0;
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(key->bytes.data());
    if (seals == 1) {
        std::memcpy(name, bytes, kNameBytes);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) {
            return -1;
        }
    }
    const unsigned char* secret = bytes + kNameBytes + kMacBytes;
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, secret, iv, seals) != 1 ||
        !prepareMac(mac, bytes + kNameBytes)) {
        return -1;
    }
    return seals == 1 || key == &keys.front() ? 1 : 2;  // 2: give the client a ticket of the first
}

void logKey(const SSL* ssl, const char* line) {
    const std::string text = std::string(line) + "\n";
    // One call, so that the lines of several processes do not mix; a full disk loses a line.
    const int fd =
        static_cast<TlsContext::State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->keylog.get();
    static_cast<void>(::write(fd, text.data(), text.size()));
}

}  // namespace marline::detail
