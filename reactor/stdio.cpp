#include <marline/reactor/stdio.hpp>

#include <utility>

#include <marline/reactor/detail/pipe_connection.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/detail/signals.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {

void connectDescriptors(Reactor& reactor, UniqueFd in, UniqueFd out, Ref<IProtocol> protocol,
                        std::source_location where) {
    Reactor::Parts& parts = reactor.parts();
    checkThread(parts, "connectDescriptors()");
    if (parts.state == Reactor::Parts::State::Dying) {
        throw ReactorNotRunning("connectDescriptors() on a reactor that is being destroyed");
    }
    detail::ignoreSigpipe();
    const detail::SiteScope site(parts.loop, where);
    auto* connection =
        new detail::PipeConnection(parts.loop, std::move(in), std::move(out), std::move(protocol));
    connection->start();
}

void standardIo(Reactor& reactor, Ref<IProtocol> protocol, std::source_location where) {
    connectDescriptors(reactor, UniqueFd(STDIN_FILENO), UniqueFd(STDOUT_FILENO),
                       std::move(protocol), where);
}

}  // namespace marline
