// TrafficLoggingFactory: what goes over connections, as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/policies/protocol_wrapper.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline {

/// Tells all that happens on a factory's connections (Twisted: `TrafficLoggingFactory`). Each event
/// is a line that begins with the connection's number:
///
///     3 connected to 127.0.0.1:51234
///     3 received "GET / HTTP/1.1\r\n\r\n"
///     3 sent "HTTP/1.1 200 OK\r\n\r\n\x00\x01"
///     3 loses the connection
///     3 lost: connection closed cleanly
class MARLINE_API TrafficLoggingFactory final : public WrappingFactory {
public:
    /// Hears the lines, without an end of line.
    using Sink = UniqueFunction<void(std::string_view line)>;

    /// Of each read or write up to `maxBytes` are shown. Without a sink the lines go to log() at
    /// LogLevel::Info.
    explicit TrafficLoggingFactory(Ref<IProtocolFactory> factory, Sink sink = {},
                                   std::size_t maxBytes = 1024);

private:
    class Connection;

    ~TrafficLoggingFactory() override = default;

    Ref<IProtocol> wrap(Ref<IProtocol> inner) override;

    Sink sink_;
    std::size_t maxBytes_;
    std::uint64_t connections_ = 0;
};

}  // namespace marline
