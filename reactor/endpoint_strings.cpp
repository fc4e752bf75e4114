#include <marline/reactor/endpoint_strings.hpp>

#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <marline/reactor/detail/endpoint_kinds.hpp>

namespace marline {
namespace {

/// The parsers of a process, by kind.
template <class Parser>
class Kinds {
public:
    explicit Kinds(std::map<std::string, Parser> parsers) : parsers_(std::move(parsers)) {}

    void add(const std::string& kind, Parser parser) {
        const std::lock_guard lock(mutex_);
        if (kind.empty() || parser == nullptr || !parsers_.emplace(kind, parser).second) {
            throw std::logic_error("an endpoint parser for '" + kind +
                                   "' cannot be registered: it is empty or there is one");
        }
    }
    Parser find(const EndpointFields& fields) const {
        const std::lock_guard lock(mutex_);
        const auto found = parsers_.find(fields.kind());
        if (found == parsers_.end()) {
            std::string known;
            for (const auto& [kind, parser] : parsers_) {
                known += (known.empty() ? "" : ", ") + kind;
            }
            fields.refuse("'" + fields.kind() + "' is none of the kinds " + known);
        }
        return found->second;
    }

private:
    mutable std::mutex mutex_;
    std::map<std::string, Parser> parsers_;
};

Kinds<ClientEndpointParser>& clientKinds() {
    static Kinds<ClientEndpointParser> kinds({{"ssl", &detail::parseTlsClient},
                                              {"tcp", &detail::parseTcpClient},
                                              {"tls", &detail::parseTlsClient},
                                              {"unix", &detail::parseUnixClient}});
    return kinds;
}

Kinds<ServerEndpointParser>& serverKinds() {
    static Kinds<ServerEndpointParser> kinds({{"fd", &detail::parseFdServer},
                                              {"haproxy", &detail::parseProxiedServer},
                                              {"ssl", &detail::parseTlsServer},
                                              {"systemd", &detail::parseSystemdServer},
                                              {"tcp", &detail::parseTcpServer},
                                              {"tcp6", &detail::parseTcpServer},
                                              {"tls", &detail::parseTlsServer},
                                              {"unix", &detail::parseUnixServer}});
    return kinds;
}

}  // namespace

Ref<IStreamClientEndpoint> clientFromString(Reactor& reactor, std::string_view description) {
    EndpointFields fields(description);
    Ref<IStreamClientEndpoint> endpoint = clientKinds().find(fields)(reactor, fields);
    fields.finish();
    return endpoint;
}

Ref<IStreamServerEndpoint> serverFromString(Reactor& reactor, std::string_view description) {
    EndpointFields fields(description);
    Ref<IStreamServerEndpoint> endpoint = serverKinds().find(fields)(reactor, fields);
    fields.finish();
    return endpoint;
}

void registerClientEndpoint(const std::string& kind, ClientEndpointParser parser) {
    clientKinds().add(kind, parser);
}

void registerServerEndpoint(const std::string& kind, ServerEndpointParser parser) {
    serverKinds().add(kind, parser);
}

}  // namespace marline
