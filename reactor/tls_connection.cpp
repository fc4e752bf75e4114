#include <marline/reactor/tls_connection.hpp>

#include <array>
#include <ctime>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <marline/reactor/detail/tls_context_state.hpp>
#include <marline/reactor/detail/x509_text.hpp>

namespace marline {
namespace {

std::chrono::system_clock::time_point timeOf(const ASN1_TIME* time) {
    std::tm parts{};
    ASN1_TIME_to_tm(time, &parts);
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string fingerprintOf(const X509& certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    X509_digest(&certificate, EVP_sha256(), digest.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text += "0123456789abcdef"[digest[i] >> 4];
        text += "0123456789abcdef"[digest[i] & 15];
    }
    return text;
}

}  // namespace

TlsCertificate TlsCertificate::fromPem(std::string_view pem) {
    const detail::BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const detail::X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) {
        throw TlsError("no certificate in the given text: " + detail::opensslError());
    }
    return fromNative(*certificate);
}

TlsCertificate TlsCertificate::fromNative(const X509& certificate) {
    return {detail::nameText(X509_get_subject_name(&certificate)),
            detail::nameText(X509_get_issuer_name(&certificate)),
            detail::alternativeNames(certificate),
            timeOf(X509_get0_notBefore(&certificate)),
            timeOf(X509_get0_notAfter(&certificate)),
            fingerprintOf(certificate),
            detail::pemText(certificate)};
}

}  // namespace marline
