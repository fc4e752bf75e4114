// Internal: not installed. Certificates in words.
#pragma once

#include <string>
#include <vector>

#include <openssl/x509.h>

namespace marline::detail {

/// `CN=example.org, O=Example`.
std::string nameText(const X509_NAME* name);
/// `Nov 21 07:00:00 2026 GMT`.
std::string timeText(const ASN1_TIME* time);
/// The DNS names and numeric addresses that `certificate` is for.
std::vector<std::string> alternativeNames(const X509& certificate);
/// The certificate as PEM.
std::string pemText(const X509& certificate);

}  // namespace marline::detail
