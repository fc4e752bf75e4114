// Value: what a Redis server answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/errors.hpp>

namespace marline::redis {

/// The server answered with an error, such as `WRONGTYPE Operation against a key …`.
class MARLINE_API RedisError : public Error {
public:
    using Error::Error;

    /// The word in front: `ERR`, `WRONGTYPE`, `NOAUTH`.
    std::string code() const {
        const std::string_view text = what();
        return std::string(text.substr(0, text.find(' ')));
    }
};

/// What came is not RESP, or beyond a limit; the connection is closed with it.
class MARLINE_API ProtocolError : public Error {
public:
    using Error::Error;
};

/// A reply was of another type than the call needs.
class MARLINE_API UnexpectedReply : public Error {
public:
    using Error::Error;
};

/// One reply, of RESP2 or RESP3 (https://redis.io/docs/reference/protocol-spec).
struct MARLINE_API Value {
    enum class Kind : std::uint8_t {
        Null,
        String,   ///< A simple, bulk or verbatim string, or a big number: `text`.
        Error,    ///< `text`.
        Integer,  ///< `integer`.
        Double,   ///< `number`.
        Boolean,  ///< `integer` is 0 or 1.
        Array,    ///< `items`.
        Map,      ///< `items`: key, value, key, value …
        Set,      ///< `items`.
        Push,     ///< `items`; nobody asked for it.
    };

    Kind kind = Kind::Null;
    std::int64_t integer = 0;
    double number = 0;
    std::string text = {};
    std::vector<Value> items = {};

    bool isNull() const noexcept { return kind == Kind::Null; }
    /// The text of a string; throws UnexpectedReply for anything else.
    std::string& string();
    /// The value of an integer; throws UnexpectedReply for anything else.
    std::int64_t toInteger() const;

    friend bool operator==(const Value&, const Value&) = default;
};

/// How deeply replies may be nested.
inline constexpr std::size_t kMaxReplyDepth = 32;

/// Finds where replies end, in bytes that come bit by bit.
class MARLINE_API ReplyScanner {
public:
    /// The length of the reply that `data` begins with, or nothing when there is more to come; then
    /// it goes on where it was with the same bytes and more. Throws ProtocolError when it is none.
    std::optional<std::size_t> scan(std::string_view data);

private:
    bool scanOne(std::string_view data);

    std::size_t at_ = 0;
    std::uint64_t missing_ = 1;  // values until the reply is whole
};

/// The reply that `data` is, as the scanner measured it. Throws ProtocolError when it is nested
/// more deeply than kMaxReplyDepth, or a part of it is malformed.
MARLINE_API Value readReply(std::string_view data);

}  // namespace marline::redis
