// Internal: not installed. Reads multipart bodies as they come (RFC 2046 §5.1, RFC 7578).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <marline/protocols/http/headers.hpp>

namespace marline::http::detail {

/// The value of parameter `name` of a field like `form-data; name="a b"`, unquoted; empty without
/// one. A backslash escapes a quote or a backslash only: some browsers send paths.
std::string parameterOf(std::string_view field, std::string_view name);

/// Hears what a MultipartParser reads.
class MultipartParts {
public:
    virtual void partBegins(Headers fields) = 0;
    virtual void partData(std::string_view piece) = 0;
    virtual void partEnds() = 0;

protected:
    ~MultipartParts() = default;
};

/// Takes a body apart at its boundary. What is before the first part and behind the last one is
/// passed over. Throws HttpError(400) for what is no multipart body, and for a part's head of more
/// than `maxHead` bytes, or more fields than kPartFields.
class MultipartParser {
public:
    /// `boundary` is as the Content-Type says; `parts` must outlive the parser.
    MultipartParser(std::string_view boundary, std::size_t maxHead, MultipartParts& parts);

    void write(std::string_view piece);
    /// The body has ended. Throws when a part has not.
    void finish() const;

private:
    enum class State : std::uint8_t { Preamble, Delimiter, Head, Data, Epilogue };

    bool step();
    bool skipToDelimiter(bool data);
    bool readDelimiterEnd();
    bool readHead();

    MultipartParts& parts_;
    std::string delimiter_;  // with the line end before it
    std::size_t maxHead_;
    std::string waiting_;
    State state_ = State::Preamble;
};

}  // namespace marline::http::detail
