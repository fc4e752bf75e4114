// Internal: not installed. Descriptors that were opened elsewhere.
#pragma once

#include <cstdint>

#include <marline/reactor/detail/socket.hpp>

namespace marline::detail {

/// What a descriptor must be.
struct Adopt {
    enum class Role : std::uint8_t { Listening, Connected, Any };

    int type;  // SOCK_STREAM or SOCK_DGRAM
    Role role;
};

/// A copy of `fd`, after a check and non-blocking; the caller keeps `fd`. Throws
/// std::system_error, which says what is wrong with it.
UniqueFd adopt(int fd, const Adopt& as);

}  // namespace marline::detail
