// Internal: what the fields of a head say about framing, and what follows from it.
#pragma once

#include <marline/protocols/http/detail/head_block.hpp>
#include <marline/protocols/http/parse_error.hpp>

#include <string_view>

namespace marline::http::detail {

/// Notes a field if it bears on framing or the connection; refuses one that is wrong by itself.
ParseReason noteField(FramingFacts& facts, const FieldView& field) noexcept;

/// Says whether a field of this name frames or routes a message, so that no trailer may have it
/// (RFC 9110 §6.5.1).
bool isForbiddenTrailer(std::string_view name) noexcept;

/// Decides the framing of the request in `block` once all lines are read, and fills in its head.
ParseReason finishRequestHead(HeadBlock& block) noexcept;

/// What a response's framing depends on besides itself.
struct ResponseContext {
    bool toHead;
    bool toConnect;
    bool upgradeOffered;
};

/// Decides the framing of the response in `block` once all lines are read, and fills in its head.
ParseReason finishResponseHead(HeadBlock& block, ResponseContext context) noexcept;

}  // namespace marline::http::detail
