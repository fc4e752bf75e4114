// Internal: not installed. The text of URIs: percent-encoding, and what may stand in a message.
#pragma once

#include <string>
#include <string_view>

namespace marline::detail {

/// `text` with every byte that no part of a URI may have percent-encoded, and those of `refused`,
/// which only other parts may have; what is encoded already stays, and a lone `%` becomes `%25`.
std::string percentEncoded(std::string_view text, std::string_view refused = {});

/// `text` with `%XX` decoded; a `%` without two hexadecimal digits stays.
std::string percentDecoded(std::string_view text);

/// `text` as it can stand in a message: not too long, without control characters, and with `***`
/// instead of what looks like `user:password`.
std::string shown(std::string_view text);

}  // namespace marline::detail
