#include <marline/reactor/tls_context.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <openssl/rand.h>

#include <marline/reactor/detail/tls_callbacks.hpp>
#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/detail/tls_material.hpp>

namespace marline {
namespace {

using detail::Named;

/// In OpenSSL's numbers.
int numberOf(TlsVersion version) { return TLS1_VERSION + static_cast<int>(version); }

std::string lowerCase(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

}  // namespace

TlsTicketKey TlsTicketKey::random() {
    TlsTicketKey key;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(key.bytes.data()),
                   static_cast<int>(key.bytes.size())) != 1) {
        throw TlsError("cannot make a ticket key: " + detail::opensslError());
    }
    return key;
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

TlsContext TlsContext::server(std::string_view chainPem, std::string_view keyPem,
                              std::string_view passphrase) {
    return TlsContext(makeRef<State>(true)).certificatePem(chainPem, keyPem, passphrase);
}

TlsContext TlsContext::serverFromFiles(const std::string& chainFile, const std::string& keyFile,
                                       std::string_view passphrase) {
    return TlsContext(makeRef<State>(true)).certificateFiles(chainFile, keyFile, passphrase);
}

TlsContext TlsContext::serverFromPkcs12File(const std::string& file, std::string_view passphrase) {
    return TlsContext(makeRef<State>(true)).certificatePkcs12File(file, passphrase);
}

void TlsContext::mustServe(const char* call) const {
    if (!state_->server) {
        throw std::logic_error(std::string(call) + "() is for servers' TLS contexts");
    }
}

// Certificates.

TlsContext& TlsContext::certificatePem(std::string_view chainPem, std::string_view keyPem,
                                       std::string_view passphrase) {
    state_->apply([chain = Named{std::string(chainPem), "the given chain"},
                   key = Named{std::string(keyPem), "the given key"},
                   passphrase = std::string(passphrase)](SSL_CTX* ctx) {
        detail::useIdentity(ctx, detail::readPem(chain, key, passphrase), chain.from);
    });
    return *this;
}

TlsContext& TlsContext::certificateFiles(const std::string& chainFile, const std::string& keyFile,
                                         std::string_view passphrase) {
    state_->apply([chainFile, keyFile, passphrase = std::string(passphrase)](SSL_CTX* ctx) {
        const Named chain = detail::readFile(chainFile);
        detail::useIdentity(ctx, detail::readPem(chain, detail::readFile(keyFile), passphrase),
                            chainFile);
    });
    return *this;
}

TlsContext& TlsContext::certificatePkcs12(std::string_view content, std::string_view passphrase) {
    state_->apply([content = Named{std::string(content), "the given text"},
                   passphrase = std::string(passphrase)](SSL_CTX* ctx) {
        detail::useIdentity(ctx, detail::readPkcs12(content, passphrase), content.from);
    });
    return *this;
}

TlsContext& TlsContext::certificatePkcs12File(const std::string& file,
                                              std::string_view passphrase) {
    state_->apply([file, passphrase = std::string(passphrase)](SSL_CTX* ctx) {
        detail::useIdentity(ctx, detail::readPkcs12(detail::readFile(file), passphrase), file);
    });
    return *this;
}

// Trust.

TlsContext& TlsContext::trustPem(std::string_view caPem) {
    state_->apply([ca = Named{std::string(caPem), "the given text"},
                   server = state_->server](SSL_CTX* ctx) { detail::trust(ctx, ca, server); });
    state_->trustSomebody();
    return *this;
}

TlsContext& TlsContext::trustFile(const std::string& caFile) {
    state_->apply([caFile, server = state_->server](SSL_CTX* ctx) {
        detail::trust(ctx, detail::readFile(caFile), server);
    });
    state_->trustSomebody();
    return *this;
}

TlsContext& TlsContext::trustSystem() {
    state_->apply([](SSL_CTX* ctx) { SSL_CTX_set_default_verify_paths(ctx); });
    state_->trustSomebody();
    return *this;
}

TlsContext& TlsContext::insecure() {
    state_->verify = false;
    return *this;
}

TlsContext& TlsContext::clientCertificates(ClientCertificates wanted) {
    mustServe("clientCertificates");
    if (!state_->trusts) {
        throw std::logic_error(
            "clientCertificates() needs to know whom to trust: call trustFile() or trustPem() "
            "before it");
    }
    state_->clientCertificates = wanted;
    return *this;
}

// What is agreed on.

TlsContext& TlsContext::alpn(const std::vector<std::string>& protocols) {
    std::vector<unsigned char> wire;
    for (const std::string& protocol : protocols) {
        if (protocol.empty() || protocol.size() > 255) {
            throw std::invalid_argument("an ALPN protocol has 1 to 255 bytes");
        }
        wire.push_back(static_cast<unsigned char>(protocol.size()));
        wire.insert(wire.end(), protocol.begin(), protocol.end());
    }
    state_->alpn = std::move(wire);
    state_->apply([state = state_.get()](SSL_CTX* ctx) {
        if (state->server) {
            SSL_CTX_set_alpn_select_cb(ctx, state->alpn.empty() ? nullptr : &detail::selectAlpn,
                                       state);
        } else {
            SSL_CTX_set_alpn_protos(ctx, state->alpn.data(),
                                    static_cast<unsigned>(state->alpn.size()));
        }
    });
    return *this;
}

TlsContext& TlsContext::serverName(const std::string& name, const TlsContext& context) {
    mustServe("serverName");
    context.mustServe("serverName");
    if (name.empty()) {
        throw std::invalid_argument("serverName() needs a name");
    }
    if (context.state_ == state_) {
        throw std::invalid_argument("serverName(\"" + name + "\"): a context cannot be its own");
    }
    if (!state_->names.emplace(lowerCase(name), context).second) {
        throw std::invalid_argument("serverName(\"" + name + "\") has been called already");
    }
    state_->apply([state = state_.get()](SSL_CTX* ctx) {
        SSL_CTX_set_client_hello_cb(ctx, &detail::chooseContext, state);
    });
    return *this;
}

TlsContext& TlsContext::raiseMinimumTo(TlsVersion version) {
    state_->speak(std::max(state_->minimum, numberOf(version)), state_->maximum);
    return *this;
}

TlsContext& TlsContext::insecurelyLowerMinimumTo(TlsVersion version) {
    state_->speak(std::min(state_->minimum, numberOf(version)), state_->maximum);
    return *this;
}

TlsContext& TlsContext::lowerMaximumSecurityTo(TlsVersion version) {
    const int number = numberOf(version);
    state_->speak(state_->minimum,
                  state_->maximum == 0 ? number : std::min(state_->maximum, number));
    return *this;
}

TlsContext& TlsContext::ciphers(const std::string& list) {
    const auto choose = [list](SSL_CTX* ctx) {
        return list.find("TLS_") != std::string::npos ? SSL_CTX_set_ciphersuites(ctx, list.c_str())
                                                      : SSL_CTX_set_cipher_list(ctx, list.c_str());
    };
    // OpenSSL forgets the former choice even when it refuses the new one.
    const detail::SslCtxPtr probe(SSL_CTX_new(TLS_method()));
    if (list.empty() || choose(probe.get()) != 1) {
        throw TlsError("no cipher matches '" + list + "': " + detail::opensslError());
    }
    state_->apply([choose](SSL_CTX* ctx) { choose(ctx); });
    return *this;
}

// Sessions, secrets, changes.

TlsContext& TlsContext::sessionTickets(bool on) {
    state_->tickets = on;
    state_->apply([on, server = state_->server](SSL_CTX* ctx) {
        if (on) {
            SSL_CTX_clear_options(ctx, SSL_OP_NO_TICKET);
        } else {
            SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        }
        SSL_CTX_set_num_tickets(ctx, on ? 2 : 0);
    });
    return *this;
}

TlsContext& TlsContext::ticketKeys(std::vector<TlsTicketKey> keys) {
    mustServe("ticketKeys");
    if (keys.empty()) {
        throw std::invalid_argument("ticketKeys() needs a key");
    }
    const bool first = state_->ticketKeys.empty();
    state_->ticketKeys = std::move(keys);
    if (first) {
        state_->apply(
            [](SSL_CTX* ctx) { SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, &detail::sealTicket); });
    }
    return *this;
}

TlsContext& TlsContext::keylogFile(const std::string& file) {
    detail::UniqueFd opened(
        ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
    if (!opened) {
        throw TlsError("cannot open the key log " + file + ": " + std::strerror(errno));
    }
    state_->keylog = std::move(opened);
    state_->apply([](SSL_CTX* ctx) { SSL_CTX_set_keylog_callback(ctx, &detail::logKey); });
    return *this;
}

void TlsContext::reload() {
    std::vector<std::pair<State*, detail::SslCtxPtr>> made;
    made.emplace_back(state_.get(), state_->rebuilt());
    for (const auto& [name, context] : state_->names) {
        made.emplace_back(context.state_.get(), context.state_->rebuilt());
    }
    for (auto& [state, context] : made) {
        state->use(std::move(context));
    }
}

ssl_ctx_st* TlsContext::native() const { return state_->native(); }

}  // namespace marline
