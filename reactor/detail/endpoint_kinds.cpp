#include <marline/reactor/detail/endpoint_kinds.hpp>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <sys/types.h>

#include <marline/reactor/adopted_endpoint.hpp>
#include <marline/reactor/detail/socket.hpp>
#include <marline/reactor/endpoint_strings.hpp>
#include <marline/reactor/endpoint_wrappers.hpp>
#include <marline/reactor/hostname_endpoint.hpp>
#include <marline/reactor/listen_fds.hpp>
#include <marline/reactor/proxy_protocol.hpp>
#include <marline/reactor/resolver.hpp>
#include <marline/reactor/tls.hpp>

namespace marline::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kMostBacklog = 65535;

std::string readFile(const EndpointFields& fields, const std::string& path) {
    std::error_code error;
    const bool directory = fs::is_directory(path, error);
    std::ifstream file(path, std::ios::binary);
    if (directory || !file) {
        fields.refuse("the file '" + path +
                      "' cannot be read: " + lastError(directory ? EISDIR : errno).message());
    }
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Where a client connects to.
struct Target {
    std::string host;
    std::uint16_t port = 0;
    HostnameEndpointOptions options;
};

Target takeTarget(EndpointFields& fields) {
    Target target;
    target.host = fields.need("host");
    target.port = fields.needPort("port");
    target.options.timeout = fields.takeSeconds("timeout", target.options.timeout);
    if (const auto from = fields.take("bindAddress");
        from && !parseNumericAddress(*from, 0, target.options.bindAddress)) {
        fields.refuse("the field 'bindAddress' is '" + *from + "', which is no numeric address");
    }
    return target;
}

/// Fields that say the same under two names.
std::optional<std::string> takeEither(EndpointFields& fields, std::string_view name,
                                      std::string_view older) {
    std::optional<std::string> value = fields.take(name);
    return value ? value : fields.take(older);
}

/// A file with certificates, or a directory with such files.
void trust(const EndpointFields& fields, TlsContext& context, const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
        context.trustFile(path);
        return;
    }
    bool any = false;
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
        if (entry.path().extension() == ".pem") {
            context.trustFile(entry.path().string());
            any = true;
        }
    }
    if (!any) {
        fields.refuse("the directory '" + path + "' has no file of trust roots (*.pem)" +
                      (error ? ": " + error.message() : ""));
    }
}

/// What a TLS client shows and trusts.
struct ClientFiles {
    std::optional<std::string> certificate;
    std::optional<std::string> key;
    std::optional<std::string> roots;
    bool verify = true;
};

/// The reactor's own trust when nothing else is said.
TlsContext clientContext(Reactor& reactor, const EndpointFields& fields, const ClientFiles& files) {
    if (!files.certificate && !files.key && !files.roots && files.verify) {
        return reactor.clientTls();
    }
    if (files.roots && !files.verify) {
        fields.refuse("'trustRoots' has no use with 'verify=no'");
    }
    TlsContext context = TlsContext::client();
    if (files.certificate || files.key) {
        // One file may hold both.
        const std::string& chain = files.certificate ? *files.certificate : *files.key;
        const std::string& key = files.key ? *files.key : *files.certificate;
        context.certificatePem(readFile(fields, chain), readFile(fields, key));
    }
    if (files.roots) {
        trust(fields, context, *files.roots);
    }
    return files.verify ? context : context.insecure();
}

int takeBacklog(EndpointFields& fields, int otherwise) {
    return static_cast<int>(
        fields.takeNumber("backlog", static_cast<std::uint32_t>(otherwise), 1, kMostBacklog));
}

std::size_t takeMaxConnections(EndpointFields& fields, std::size_t otherwise) {
    return fields.takeNumber("maxConnections", static_cast<std::uint32_t>(otherwise));
}

ListenOptions takeListenOptions(EndpointFields& fields) {
    ListenOptions options;
    options.interface = fields.take("interface").value_or(fields.kind() == "tcp6" ? "::" : "");
    Address numeric;
    if (!options.interface.empty() && !parseNumericAddress(options.interface, 0, numeric)) {
        fields.refuse("the field 'interface' is '" + options.interface +
                      "', which is no numeric address");
    }
    options.backlog = takeBacklog(fields, options.backlog);
    options.maxConnections = takeMaxConnections(fields, options.maxConnections);
    options.reusePort = fields.takeFlag("reusePort", options.reusePort);
    return options;
}

/// Permissions as chmod takes them.
mode_t takeMode(EndpointFields& fields, mode_t otherwise) {
    const auto text = fields.take("mode");
    if (!text) {
        return otherwise;
    }
    unsigned mode = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), mode, 8);
    if (error != std::errc{} || end != text->data() + text->size() || mode > 0777) {
        fields.refuse("the field 'mode' is '" + *text + "', which is no octal number up to 777");
    }
    return static_cast<mode_t>(mode);
}

/// The family of a socket by its name in descriptions.
sa_family_t familyOf(const EndpointFields& fields, const std::string& domain) {
    if (domain == "INET") {
        return AF_INET;
    }
    if (domain == "INET6") {
        return AF_INET6;
    }
    if (domain == "UNIX") {
        return AF_UNIX;
    }
    fields.refuse("the field 'domain' is '" + domain + "', not INET, INET6 or UNIX");
}

}  // namespace

Ref<IStreamClientEndpoint> parseTcpClient(Reactor& reactor, EndpointFields& fields) {
    Target target = takeTarget(fields);
    return makeRef<HostnameEndpoint>(reactor, std::move(target.host), target.port,
                                     std::move(target.options));
}

Ref<IStreamClientEndpoint> parseTlsClient(Reactor& reactor, EndpointFields& fields) {
    const Target target = takeTarget(fields);
    ClientFiles files;
    files.certificate = takeEither(fields, "certificate", "certKey");
    files.key = fields.take("privateKey");
    files.roots = takeEither(fields, "trustRoots", "caCertsDir");
    const auto below = fields.take("endpoint");
    const std::string name = fields.take("hostname").value_or(target.host);
    files.verify = fields.takeFlag("verify", true);
    Ref<IStreamClientEndpoint> endpoint =
        below ? clientFromString(reactor, *below)
              : makeRef<HostnameEndpoint>(reactor, target.host, target.port, target.options);
    return wrapClientTls(reactor, clientContext(reactor, fields, files), name, std::move(endpoint));
}

Ref<IStreamClientEndpoint> parseUnixClient(Reactor& reactor, EndpointFields& fields) {
    std::string path = fields.need("path");
    UnixConnectOptions options;
    options.timeout = fields.takeSeconds("timeout", options.timeout);
    options.checkPid = fields.takeFlag("lockfile", options.checkPid);
    return makeRef<UnixClientEndpoint>(reactor, std::move(path), options);
}

Ref<IStreamServerEndpoint> parseTcpServer(Reactor& reactor, EndpointFields& fields) {
    const std::uint16_t port = fields.needPort("port");
    return makeRef<TcpServerEndpoint>(reactor, port, takeListenOptions(fields));
}

Ref<IStreamServerEndpoint> parseTlsServer(Reactor& reactor, EndpointFields& fields) {
    const std::uint16_t port = fields.needPort("port");
    const std::string keyFile = fields.need("privateKey");
    const std::string chainFile = fields.take("certKey").value_or(keyFile);
    const ListenOptions options = takeListenOptions(fields);
    const auto extra = fields.take("extraCertChain");
    const TlsContext context =
        extra ? TlsContext::server(readFile(fields, chainFile) + "\n" + readFile(fields, *extra),
                                   readFile(fields, keyFile))
              : TlsContext::serverFromFiles(chainFile, keyFile);
    return wrapServerEndpoint(makeRef<TcpServerEndpoint>(reactor, port, options),
                              [context, &reactor](Ref<IProtocolFactory> factory) {
                                  return tlsServerFactory(context, reactor, std::move(factory));
                              });
}

Ref<IStreamServerEndpoint> parseUnixServer(Reactor& reactor, EndpointFields& fields) {
    std::string path = fields.need("address");
    UnixListenOptions options;
    options.mode = takeMode(fields, options.mode);
    options.backlog = takeBacklog(fields, options.backlog);
    // A description says what a program serves, and two of them would fight for the path.
    options.wantPid = fields.takeFlag("lockfile", true);
    options.maxConnections = takeMaxConnections(fields, options.maxConnections);
    return makeRef<UnixServerEndpoint>(reactor, std::move(path), options);
}

Ref<IStreamServerEndpoint> parseFdServer(Reactor& reactor, EndpointFields& fields) {
    constexpr std::uint32_t kNone = 0xffffffffU;
    const std::uint32_t fd = fields.takeNumber("fd", kNone, 0, 0x7fffffffU);
    if (fd == kNone) {
        fields.refuse("the field 'fd' is missing");
    }
    return makeRef<AdoptedStreamServerEndpoint>(reactor, static_cast<int>(fd));
}

Ref<IStreamServerEndpoint> parseSystemdServer(Reactor& reactor, EndpointFields& fields) {
    constexpr std::uint32_t kNone = 0xffffffffU;
    const auto domain = fields.take("domain");
    const std::uint32_t index = fields.takeNumber("index", kNone, 0, 0x7fffffffU);
    const auto name = fields.take("name");
    if ((index == kNone) == !name) {
        fields.refuse("it needs either 'index' or 'name', and not both");
    }
    const ListenFds inherited = ListenFds::fromEnvironment();
    const auto fd = name ? inherited.named(*name) : inherited.at(index);
    if (!fd) {
        fields.refuse("the process was given no such socket: of " +
                      std::to_string(inherited.inheritedDescriptors().size()) +
                      " (LISTEN_FDS), none is " +
                      (name ? "named '" + *name + "'" : "number " + std::to_string(index)));
    }
    if (domain) {
        SocketAddress address;
        address.length = sizeof address.storage;
        if (getsockname(*fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0 ||
            address.family() != familyOf(fields, *domain)) {
            fields.refuse("the socket is none of the domain " + *domain);
        }
    }
    return makeRef<AdoptedStreamServerEndpoint>(reactor, *fd);
}

Ref<IStreamServerEndpoint> parseProxiedServer(Reactor& reactor, EndpointFields& fields) {
    return proxyEndpoint(reactor, serverFromString(reactor, fields.takeRest()));
}

}  // namespace marline::detail
