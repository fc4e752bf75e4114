// Internal: not installed. The head of a server's response, from what the handler set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/serializer.hpp>
#include <marline/protocols/http/version.hpp>

namespace marline::http::detail {

/// What a handler's own fields say about framing, and which of the server's they replace.
struct OwnFields {
    std::optional<std::uint64_t> contentLength;
    bool date = false;
    bool contentType = false;
    bool connection = false;
    bool close = false;  ///< Their Connection has `close`.
};

/// Reads them. Throws std::invalid_argument for a Content-Length that is no number or is repeated,
/// and for Transfer-Encoding, which is the server's to write.
OwnFields ownFieldsOf(const Headers& fields);

/// What the head says besides the handler's fields.
struct ServerHead {
    int code;
    std::string_view phrase;       ///< Empty: the usual one.
    std::string_view date;         ///< Empty: no Date.
    std::string_view contentType;  ///< Empty: no Content-Type.
    std::string_view connection;   ///< Empty: no Connection.
    BodyLength length;
};

/// Appends status line, the server's fields, then those of `fields` except Content-Length, and the
/// empty line. As checked by Headers and ownFieldsOf() nothing here can be refused.
void appendServerHead(std::string& out, const ServerHead& head, const Headers& fields);

}  // namespace marline::http::detail
