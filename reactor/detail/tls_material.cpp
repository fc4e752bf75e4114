#include <marline/reactor/detail/tls_material.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include <marline/reactor/detail/x509_text.hpp>

namespace marline::detail {
namespace {

using Pkcs12Ptr = std::unique_ptr<PKCS12, FreeWith<PKCS12_free>>;
using StackPtr =
    std::unique_ptr<STACK_OF(X509), FreeWith<[](STACK_OF(X509) * all) { sk_X509_free(all); }>>;

BioPtr bioOf(std::string_view text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Gives the passphrase instead of asking for one on the terminal.
int givePassphrase(char* to, int size, int, void* passphrase) {
    const auto& text = *static_cast<const std::string*>(passphrase);
    const auto count = std::min(static_cast<std::size_t>(size), text.size());
    std::memcpy(to, text.data(), count);
    return static_cast<int>(count);
}

X509Ptr nextCertificate(BIO* bio) {
    std::string none;
    return X509Ptr(PEM_read_bio_X509_AUX(bio, nullptr, &givePassphrase, &none));
}

/// Every certificate in `text`; what is broken is an error, what is of another kind is not.
std::vector<X509Ptr> certificatesIn(const Named& text, const char* what) {
    const BioPtr bio = bioOf(text.text);
    std::vector<X509Ptr> found;
    ERR_clear_error();
    while (X509Ptr next = nextCertificate(bio.get())) {
        found.push_back(std::move(next));
    }
    const bool atEnd = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (found.empty() || !atEnd) {
        throw TlsError("no " + std::string(found.empty() ? "" : "further ") + what + " in " +
                       text.from + ": " + opensslError());
    }
    ERR_clear_error();
    return found;
}

KeyPtr keyIn(const Named& text, const std::string& passphrase) {
    const BioPtr bio = bioOf(text.text);
    ERR_clear_error();
    KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &givePassphrase,
                                       const_cast<std::string*>(&passphrase)));
    if (!key) {
        const bool encrypted = text.text.find("ENCRYPTED") != std::string::npos;
        throw TlsError((encrypted ? "cannot decrypt the private key in " : "no private key in ") +
                       text.from + ": " + opensslError() +
                       (encrypted ? " (is it the right passphrase?)" : ""));
    }
    return key;
}

void mustMatch(const Identity& identity, const std::string& chainFrom, const std::string& keyFrom) {
    if (X509_check_private_key(identity.leaf.get(), identity.key.get()) != 1) {
        throw TlsError("the private key in " + keyFrom + " does not belong to the certificate " +
                       nameText(X509_get_subject_name(identity.leaf.get())) + " in " + chainFrom +
                       ": " + opensslError());
    }
}

}  // namespace

Named readFile(const std::string& path) {
    const auto fail = [&path] {
        throw TlsError("cannot read " + path + ": " + std::strerror(errno));
    };
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        fail();
    }
    Named read{{}, path};
    std::array<char, 4096> block;
    for (;;) {
        const ssize_t got = ::read(file.get(), block.data(), block.size());
        if (got > 0) {
            read.text.append(block.data(), static_cast<std::size_t>(got));
        } else if (got == 0) {
            return read;
        } else if (errno != EINTR) {
            fail();
        }
    }
}

Identity readPem(const Named& chain, const Named& key, const std::string& passphrase) {
    std::vector<X509Ptr> certificates = certificatesIn(chain, "certificate");
    Identity identity{std::move(certificates.front()), keyIn(key, passphrase), {}};
    certificates.erase(certificates.begin());
    identity.chain = std::move(certificates);
    mustMatch(identity, chain.from, key.from);
    return identity;
}

Identity readPkcs12(const Named& content, const std::string& passphrase) {
    const BioPtr bio = bioOf(content.text);
    ERR_clear_error();
    const Pkcs12Ptr bag(d2i_PKCS12_bio(bio.get(), nullptr));
    if (!bag) {
        throw TlsError("no PKCS#12 in " + content.from + ": " + opensslError());
    }
    EVP_PKEY* key = nullptr;
    X509* leaf = nullptr;
    STACK_OF(X509)* others = nullptr;
    const int parsed = PKCS12_parse(bag.get(), passphrase.c_str(), &key, &leaf, &others);
    Identity identity{X509Ptr(leaf), KeyPtr(key), {}};
    const StackPtr owned(others);
    for (int i = 0; i < sk_X509_num(others); ++i) {
        identity.chain.emplace_back(sk_X509_value(others, i));
    }
    if (parsed != 1) {
        throw TlsError("cannot open the PKCS#12 in " + content.from + ": " + opensslError());
    }
    if (!identity.leaf || !identity.key) {
        throw TlsError("the PKCS#12 in " + content.from + " has no " +
                       (identity.leaf ? "private key" : "certificate"));
    }
    mustMatch(identity, content.from, content.from);
    return identity;
}

void useIdentity(SSL_CTX* ctx, const Identity& identity, const std::string& from) {
    const StackPtr chain(sk_X509_new_null());
    for (const X509Ptr& certificate : identity.chain) {
        sk_X509_push(chain.get(), certificate.get());
    }
    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(ctx, identity.leaf.get(), identity.key.get(), chain.get(), 1) !=
        1) {
        throw TlsError("cannot use the certificate in " + from + ": " + opensslError());
    }
}

void trust(SSL_CTX* ctx, const Named& ca, bool server) {
    for (const X509Ptr& certificate : certificatesIn(ca, "CA certificate")) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certificate.get());
        if (server) {
            SSL_CTX_add_client_CA(ctx, certificate.get());
        }
    }
}

}  // namespace marline::detail
