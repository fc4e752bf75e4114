#include <marline/reactor/testing/certificates.hpp>

#include <utility>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/resolver.hpp>

namespace marline::testing {
namespace {

using detail::FreeWith;
using BioPtr = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;

void check(bool well) {
    if (!well) {
        throw TlsError("cannot make a test certificate: " + detail::opensslError());
    }
}

KeyPtr makeKey() {
    KeyPtr key(EVP_EC_gen("P-256"));
    check(key != nullptr);
    return key;
}

void extend(X509& certificate, X509& issuer, int kind, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    check(extension != nullptr && X509_add_ext(&certificate, extension.get(), -1) == 1);
}

X509Ptr begin(const std::string& subject, EVP_PKEY& key, std::chrono::seconds from,
              std::chrono::seconds to) {
    X509Ptr certificate(X509_new());
    check(certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
    unsigned char serial[8];
    check(RAND_bytes(serial, sizeof serial) == 1);
    serial[0] &= 0x7f;
    const std::unique_ptr<BIGNUM, FreeWith<BN_free>> number(
        BN_bin2bn(serial, sizeof serial, nullptr));
    check(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) != nullptr);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from.count());
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), to.count());
    check(X509_set_pubkey(certificate.get(), &key) == 1);
    check(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(subject.c_str()), -1,
                                     -1, 0) == 1);
    return certificate;
}

std::string pemOf(X509& certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_X509(bio.get(), &certificate) == 1);
    char* text = nullptr;
    const long size = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, static_cast<void*>(&text));
    return {text, static_cast<std::size_t>(size)};
}

std::string pemOf(EVP_PKEY& key) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    char* text = nullptr;
    const long size = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, static_cast<void*>(&text));
    return {text, static_cast<std::size_t>(size)};
}

std::string alternativeNames(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        Address literal;
        text += text.empty() ? "" : ",";
        text += (parseNumericAddress(name, 0, literal) ? "IP:" : "DNS:") + name;
    }
    return text;
}

}  // namespace

class CertificateAuthority::Keys {
public:
    explicit Keys(const std::string& name, const Keys* signer = nullptr)
        : key(makeKey()),
          certificate(begin(name, *key, std::chrono::hours(-24), std::chrono::hours(24 * 365))) {
        const Keys& by = signer != nullptr ? *signer : *this;
        X509_set_issuer_name(certificate.get(), X509_get_subject_name(by.certificate.get()));
        extend(*certificate, *certificate, NID_basic_constraints, "critical,CA:TRUE");
        extend(*certificate, *certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
        extend(*certificate, *certificate, NID_subject_key_identifier, "hash");
        check(X509_sign(certificate.get(), by.key.get(), EVP_sha256()) != 0);
        pem = pemOf(*certificate);
    }

    KeyPtr key;
    X509Ptr certificate;
    std::string pem;
};

CertificateAuthority::CertificateAuthority(const std::string& name)
    : keys_(std::make_unique<Keys>(name)) {}
CertificateAuthority::CertificateAuthority(std::unique_ptr<Keys> keys) noexcept
    : keys_(std::move(keys)) {}
CertificateAuthority::CertificateAuthority(CertificateAuthority&&) noexcept = default;
CertificateAuthority::~CertificateAuthority() = default;

const std::string& CertificateAuthority::certificatePem() const noexcept { return keys_->pem; }

PemPair CertificateAuthority::issue(const LeafOptions& options) const {
    const KeyPtr key = makeKey();
    const X509Ptr leaf = begin(options.names.at(0), *key, options.notBefore, options.notAfter);
    X509_set_issuer_name(leaf.get(), X509_get_subject_name(keys_->certificate.get()));
    extend(*leaf, *keys_->certificate, NID_basic_constraints, "critical,CA:FALSE");
    extend(*leaf, *keys_->certificate, NID_ext_key_usage, "serverAuth,clientAuth");
    extend(*leaf, *keys_->certificate, NID_subject_alt_name, alternativeNames(options.names));
    check(X509_sign(leaf.get(), keys_->key.get(), EVP_sha256()) != 0);
    return {pemOf(*leaf), pemOf(*key)};
}

CertificateAuthority CertificateAuthority::intermediate(const std::string& name) const {
    return CertificateAuthority(std::make_unique<Keys>(name, keys_.get()));
}

}  // namespace marline::testing
