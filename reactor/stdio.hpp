// Standard input and output, and other pairs of descriptors, as connections.
#pragma once

#include <source_location>

#include <marline/deferred/api.hpp>
#include <marline/reactor/interfaces.hpp>
#include <marline/reactor/unique_fd.hpp>

namespace marline {

class Reactor;

/// Makes `in` and `out` the connection of `protocol`, which gets its makeConnection() before this
/// returns: pipes, terminals, files, in any mix. `in` is what it reads and `out` what it writes;
/// the end of `in` is the peer's half-close, or for protocols without it a loseConnection();
/// loseWriteConnection() closes `out`, and the end of the connection closes both.
///
/// Both are made non-blocking, and get the mode that they had back at the end, as others may share
/// them. SIGPIPE is ignored from the first call on, unless the program has a handler for it. Files
/// count as always ready. Throws std::system_error when one is no open descriptor.
MARLINE_API void connectDescriptors(Reactor& reactor, UniqueFd in, UniqueFd out,
                                    Ref<IProtocol> protocol,
                                    std::source_location where = std::source_location::current());

/// The same with the program's own standard input and output (Twisted: `StandardIO`). At the end
/// /dev/null takes their places, so that no other file gets these numbers.
MARLINE_API void standardIo(Reactor& reactor, Ref<IProtocol> protocol,
                            std::source_location where = std::source_location::current());

}  // namespace marline
