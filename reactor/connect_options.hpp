// ConnectOptions: how a connection is made.
#pragma once

#include <chrono>

#include <marline/reactor/address.hpp>
#include <marline/reactor/time.hpp>

namespace marline {

/// How a connection is made.
struct ConnectOptions {
    /// After this the attempt fails with ConnectTimeoutError; a negative one is refused with
    /// std::invalid_argument.
    Duration timeout = std::chrono::seconds(30);
    /// The local address to connect from; Kind::None lets the system choose.
    Address bindAddress = {};
};

}  // namespace marline
