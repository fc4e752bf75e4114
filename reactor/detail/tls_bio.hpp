// Internal: not installed. The OpenSSL BIO through which a TlsLayer reads and writes.
#pragma once

#include <openssl/bio.h>

namespace marline::detail {

class TlsLayer;

/// A BIO that reads what `layer` has received and writes what it shall send.
BIO* makeLayerBio(TlsLayer& layer);

}  // namespace marline::detail
