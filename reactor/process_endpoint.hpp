// ProcessEndpoint: a child process as something to connect to.
#pragma once

#include <string>
#include <vector>

#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/process.hpp>

namespace marline {

/// What becomes of what a child writes to its standard error.
enum class StandardErrors : unsigned char {
    Log,  ///< It is logged at LogLevel::Info.
    Drop  ///< It is read and forgotten.
};

/// Starts a child process at each connect(): its standard input and output are the connection
/// (Twisted: `ProcessEndpoint`).
///
/// connect() fails with a SpawnError when the child cannot be started. connectionLost() comes when
/// the child has ended and its pipes are closed, with ConnectionDone for exit code 0, else with
/// ProcessTerminated. loseConnection() closes the pipes behind what was written, and does not
/// signal the child; abortConnection() kills it. When the child closes its output, its input is
/// closed too, unless the protocol wants half-closes. Addresses are of Address::Kind::None.
class MARLINE_API ProcessEndpoint final : public IStreamClientEndpoint {
public:
    /// As for Reactor::spawnProcess(); `options` must leave the child a standard input and output.
    ProcessEndpoint(Reactor& reactor, std::string executable, std::vector<std::string> args,
                    ProcessOptions options = {}, StandardErrors errors = StandardErrors::Log)
        : reactor_(reactor), executable_(std::move(executable)), args_(std::move(args)),
          options_(std::move(options)), errors_(errors) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override;

private:
    Reactor& reactor_;
    std::string executable_;
    std::vector<std::string> args_;
    ProcessOptions options_;
    StandardErrors errors_;
};

}  // namespace marline
