#include <marline/reactor/detail/x509_text.hpp>

#include <array>
#include <memory>
#include <new>
#include <string_view>

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <marline/reactor/detail/tls_context_state.hpp>

namespace marline::detail {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

/// What `print` writes.
template <class Print>
std::string printed(Print&& print) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    if (!bio) {
        throw std::bad_alloc();
    }
    print(bio.get());
    char* text = nullptr;
    const long size = BIO_ctrl(bio.get(), BIO_CTRL_INFO, 0, static_cast<void*>(&text));
    return {text, static_cast<std::size_t>(size)};
}

std::string_view view(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string addressText(std::string_view octets) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = octets.size() == 4 ? AF_INET : AF_INET6;
    if (octets.size() != 4 && octets.size() != 16) {
        return "?";
    }
    inet_ntop(family, octets.data(), text.data(), text.size());
    return text.data();
}

}  // namespace

std::string nameText(const X509_NAME* name) {
    return printed([&](BIO* bio) {
        X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~XN_FLAG_SPC_EQ & ~ASN1_STRFLGS_ESC_MSB);
    });
}

std::string timeText(const ASN1_TIME* time) {
    return printed([&](BIO* bio) { ASN1_TIME_print(bio, time); });
}

std::string pemText(const X509& certificate) {
    return printed([&](BIO* bio) { PEM_write_bio_X509(bio, const_cast<X509*>(&certificate)); });
}

std::vector<std::string> alternativeNames(const X509& certificate) {
    std::vector<std::string> texts;
    const NamesPtr names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        int kind = 0;
        const auto* value = static_cast<const ASN1_STRING*>(
            GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &kind));
        if (kind == GEN_DNS) {
            texts.emplace_back(view(value));
        } else if (kind == GEN_IPADD) {
            texts.push_back(addressText(view(value)));
        }
    }
    return texts;
}

}  // namespace marline::detail
