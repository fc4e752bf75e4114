#include <marline/protocols/http/detail/digest_hash.hpp>

#include <array>
#include <span>
#include <stdexcept>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <marline/protocols/detail/text.hpp>
#include <marline/protocols/http/field_view.hpp>

namespace marline::http::detail {

const evp_md_st* digestAlgorithm(std::string_view name) noexcept {
    constexpr std::string_view kSession = "-sess";
    if (name.size() > kSession.size() &&
        sameFieldName(name.substr(name.size() - kSession.size()), kSession)) {
        name.remove_suffix(kSession.size());
    }
    if (name.empty() || sameFieldName(name, "MD5")) {
        return EVP_md5();
    }
    if (sameFieldName(name, "SHA-256")) {
        return EVP_sha256();
    }
    return sameFieldName(name, "SHA-512-256") ? EVP_sha512_256() : nullptr;
}

bool digestWorks(const evp_md_st* hash) noexcept {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    const bool works = EVP_Digest("", 0, digest.data(), nullptr, hash, nullptr) == 1;
    ERR_clear_error();
    return works;
}

std::string digestHash(const evp_md_st* hash, std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts) {
        text.append(part).append(":");
    }
    text.pop_back();
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, hash, nullptr) != 1) {
        throw std::runtime_error("OpenSSL does not do this hash (FIPS?)");
    }
    return marline::detail::hexText(std::span(digest).first(length));
}

std::string quotedText(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        out += c == '"' || c == '\\' ? "\\" : "";
        out += c;
    }
    return out + "\"";
}

}  // namespace marline::http::detail
