// Endpoints by string: E-22 to E-26.
#include <marline/reactor/endpoint_strings.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <marline/reactor/errors.hpp>
#include <marline/reactor/listen_fds.hpp>
#include <marline/reactor/resolver.hpp>
#include <marline/reactor/testing/certificates.hpp>
#include <marline/reactor/tls.hpp>

#include "test/support/recording_protocol.hpp"
#include "test/support/running.hpp"
#include "test/support/stuck_port.hpp"

namespace {

using namespace marline;
using marline::testing::CertificateAuthority;
using marline::testing::RecordingFactory;
using test::outcomeOf;
using test::runUntil;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

class Strings : public ::testing::Test {
protected:
    Strings() {
        const auto known = makeRef<StaticResolver>();
        known->add("site.test", 0, {Address::Kind::Ipv4, 0, "127.0.0.1"});
        reactor.installNameResolver(known);
    }
    ~Strings() override {
        std::error_code ignored;
        fs::remove_all(directory, ignored);
    }
    Ref<IListeningPort> listen(const std::string& description) {
        const auto port =
            outcomeOf(reactor, serverFromString(reactor, description)->listen(server));
        if (!port.ok()) {
            throw std::runtime_error(description + ": " + port.failure().brief());
        }
        return port.value();
    }
    Result<Ref<IProtocol>> connect(const std::string& description) {
        return outcomeOf(reactor, clientFromString(reactor, description)->connect(client));
    }
    /// Both are connected, and bytes go through.
    void talks(const std::string& description) {
        const auto made = connect(description);
        ASSERT_TRUE(made.ok()) << description << ": " << made.failure().brief();
        client->built.back()->transport->write("hello");
        runUntil(reactor, [&] {
            return !server->built.empty() && server->built.back()->received == "hello";
        });
    }
    std::string serverRefusal(const std::string& description) {
        return refusal([&] { serverFromString(reactor, description); });
    }
    std::string clientRefusal(const std::string& description) {
        return refusal([&] { clientFromString(reactor, description); });
    }
    template <class Call>
    static std::string refusal(Call&& call) {
        try {
            call();
        } catch (const Error& error) {
            return error.what();
        }
        return "accepted";
    }
    /// A file with `text`; its path, quoted for a description.
    std::string file(const std::string& name, const std::string& text) {
        fs::create_directories(directory);
        std::ofstream(directory / name) << text;
        return quoteStringArgument((directory / name).string());
    }
    static std::string portOf(const Ref<IListeningPort>& port) {
        return std::to_string(port->getHost().port);
    }

    Reactor reactor;
    Ref<RecordingFactory> server = makeRef<RecordingFactory>();
    Ref<RecordingFactory> client = makeRef<RecordingFactory>();
    CertificateAuthority authority;
    fs::path directory = fs::path(::testing::TempDir()) /
                         ("marline_strings_" + std::to_string(::getpid()) + "_" +
                          ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

// E-23: tcp, both sides, with fields by place and by name.
TEST_F(Strings, tcp) {
    const auto port = listen("tcp:0:interface=127.0.0.1");
    EXPECT_EQ(port->getHost().host, "127.0.0.1");
    talks("tcp:site.test:" + portOf(port));
    talks("tcp:host=127.0.0.1:port=" + portOf(port) + ":timeout=5");
    talks("tcp:" + portOf(port) + ":host=site.test");
    talks("tcp:site.test:" + portOf(port) + ":bindAddress=127.0.0.9");
    EXPECT_EQ(client->built.back()->transport->getHost().host, "127.0.0.9");
}

// E-23: tcp6, and IPv6 addresses behind backslashes.
TEST_F(Strings, tcp6) {
    const auto any = listen("tcp6:0");
    EXPECT_EQ(any->getHost().host, "::");
    const auto port = listen(R"(tcp:port=0:interface=\:\:1)");
    EXPECT_EQ(port->getHost().host, "::1");
    talks(R"(tcp:\:\:1:)" + portOf(port));
}

// E-24: the defaults are those of the objects: backlog 1024 (Twisted: 50), any interface, 30 s.
TEST_F(Strings, defaultsAreThoseOfTheObjects) {
    EXPECT_EQ(ListenOptions().backlog, 1024);
    EXPECT_EQ(ConnectOptions().timeout, std::chrono::seconds(30));
    const auto any = listen("tcp:0");
    EXPECT_EQ(any->getHost().host, "0.0.0.0");
    const auto shared = listen("tcp:0:127.0.0.1:50:maxConnections=5:reusePort=yes");
    const auto same = listen("tcp:" + portOf(shared) + ":127.0.0.1:reusePort=yes");
    EXPECT_EQ(same->getHost(), shared->getHost());
}

// ssl and tls servers, with a key and a chain from one file or several.
TEST_F(Strings, tlsServers) {
    const auto pair = authority.issue({.names = {"site.test"}});
    reactor.installClientTls(TlsContext::client().trustPem(authority.certificatePem()));
    const std::string key = file("key.pem", pair.key);
    const std::string chain = file("chain.pem", pair.certificate);
    const std::string both = file("both.pem", pair.key + pair.certificate);
    for (const std::string& description :
         {"ssl:0:privateKey=" + key + ":certKey=" + chain + ":interface=127.0.0.1", "ssl:0:" + both,
          "tls:0:" + key + ":" + chain,
          "ssl:0:" + key + ":" + chain +
              ":extraCertChain=" + file("extra.pem", authority.certificatePem())}) {
        const auto port = listen(description);
        talks("tls:site.test:" + portOf(port));
    }
}

// E-25: both tls and ssl verify (Twisted's ssl: does not), unless they are told not to; E-24: the
// name is the host's.
TEST_F(Strings, tlsClientsVerify) {
    const auto pair = authority.issue({.names = {"site.test"}});
    const auto port = listen("ssl:0:" + file("both.pem", pair.key + pair.certificate));
    const std::string number = portOf(port);
    const std::string roots = file("roots.pem", authority.certificatePem());
    for (const std::string kind : {"tls", "ssl"}) {
        const auto untrusted = connect(kind + ":site.test:" + number);
        ASSERT_FALSE(untrusted.ok());
        EXPECT_NE(untrusted.failure().check<TlsError>(), nullptr) << untrusted.failure().brief();
        talks(kind + ":site.test:" + number + ":trustRoots=" + roots);
        EXPECT_FALSE(connect(kind + ":127.0.0.1:" + number + ":trustRoots=" + roots).ok());
        talks(kind + ":127.0.0.1:" + number + ":trustRoots=" + roots + ":hostname=site.test");
        talks(kind + ":127.0.0.1:" + number + ":verify=no");
    }
    talks("ssl:site.test:" + number + ":caCertsDir=" + quoteStringArgument(directory.string()));
}

// tls may go over another endpoint, and show a certificate of its own.
TEST_F(Strings, tlsOverAnotherEndpoint) {
    const auto pair = authority.issue({.names = {"site.test"}});
    const auto port = listen("ssl:0:" + file("both.pem", pair.key + pair.certificate));
    const std::string below = quoteStringArgument("tcp:127.0.0.1:" + portOf(port));
    const std::string roots = file("roots.pem", authority.certificatePem());
    const auto own = authority.issue({.names = {"client.test"}});
    talks("tls:site.test:443:endpoint=" + below + ":trustRoots=" + roots + ":certificate=" +
          file("client.pem", own.certificate) + ":privateKey=" + file("client.key", own.key));
    talks("ssl:site.test:443:endpoint=" + below + ":trustRoots=" + roots +
          ":certKey=" + file("client_both.pem", own.key + own.certificate));
}

// E-18: what is wrapped in TLS gives the application's protocol, not the layer, and passes on what
// goes wrong below and a cancel.
TEST_F(Strings, tlsGivesTheApplicationsProtocol) {
    const auto pair = authority.issue({.names = {"site.test"}});
    const auto port = listen("ssl:0:" + file("both.pem", pair.key + pair.certificate));
    const std::string number = portOf(port);
    const auto made = connect("tls:127.0.0.1:" + number + ":verify=no");
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(made.value().get(), client->built.at(0).get());
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    const auto refused = connect("tls:127.0.0.1:" + number);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.failure().check<ConnectionRefusedError>(), nullptr);
    const marline::testing::StuckPort stuck;
    auto waiting = clientFromString(reactor, "tls:" + stuck.address().toString())->connect(client);
    waiting.cancel();
    EXPECT_NE(outcomeOf(reactor, waiting).failure().check<CancelledError>(), nullptr);
}

// Keys and certificates that cannot be read, or do not belong together, name the file or the
// reason.
TEST_F(Strings, uselessFilesAreRefused) {
    const auto pair = authority.issue({.names = {"site.test"}});
    const auto other = authority.issue({.names = {"site.test"}});
    const std::string key = file("key.pem", pair.key);
    const std::string stranger = file("stranger.pem", other.certificate);
    EXPECT_THAT(serverRefusal("ssl:0:/no/such/key.pem"), HasSubstr("/no/such/key.pem"));
    EXPECT_THAT(serverRefusal("ssl:0"), HasSubstr("'privateKey' is missing"));
    EXPECT_NE(serverRefusal("ssl:0:" + key + ":" + stranger), "accepted");
    EXPECT_THAT(serverRefusal("ssl:0:" + key + ":" + stranger + ":extraCertChain=/no/such"),
                HasSubstr("'/no/such' cannot be read: No such file"));
    EXPECT_THAT(clientRefusal("tls:h:443:certificate=" + quoteStringArgument(directory.string())),
                HasSubstr("cannot be read: Is a directory"));
    EXPECT_THAT(clientRefusal("tls:h:443:privateKey=/no/such"), HasSubstr("/no/such"));
    EXPECT_THAT(clientRefusal("tls:h:443:trustRoots=/no/such"), HasSubstr("/no/such"));
    fs::create_directories(directory / "empty");
    EXPECT_THAT(clientRefusal("tls:h:443:trustRoots=" +
                              quoteStringArgument((directory / "empty").string())),
                HasSubstr("has no file of trust roots"));
    EXPECT_THAT(clientRefusal("tls:h:443:verify=no:trustRoots=" + key), HasSubstr("no use"));
}

// E-23: unix, both sides; E-24: mode 666 and a lock, unless told otherwise.
TEST_F(Strings, unixSockets) {
    fs::create_directories(directory);
    const std::string path = (directory / "a:socket").string();
    const std::string where = quoteStringArgument(path);
    const auto port = listen("unix:" + where);
    EXPECT_EQ(port->getHost().host, path);
    EXPECT_EQ(fs::status(path).permissions(), fs::perms(0666));
    EXPECT_TRUE(fs::exists(path + ".lock"));
    talks("unix:" + where);
    talks("unix:path=" + where + ":timeout=5:lockfile=1");
    EXPECT_TRUE(outcomeOf(reactor, port->stopListening()).ok());
    const auto bare = listen("unix:" + where + ":mode=600:lockfile=0:backlog=7");
    EXPECT_EQ(fs::status(path).permissions(), fs::perms(0600));
    talks("unix:" + where);
    EXPECT_FALSE(connect("unix:" + where + ":lockfile=yes").ok()) << "nobody holds the lock";
    EXPECT_THAT(serverRefusal("unix"), HasSubstr("'address' is missing"));
    EXPECT_THAT(serverRefusal("unix:/x:mode=888"), HasSubstr("no octal number"));
    EXPECT_THAT(serverRefusal("unix:/x:mode=1777"), HasSubstr("no octal number"));
    EXPECT_THAT(clientRefusal("unix:"), HasSubstr("'path' is empty"));
}

// E-23: other kinds are refused, with those that there are.
TEST_F(Strings, unknownKindsAreRefused) {
    EXPECT_THAT(clientRefusal("smtp:host"),
                HasSubstr("\"smtp:host\" makes no sense: 'smtp' is none of the kinds "));
    EXPECT_THAT(clientRefusal("haproxy:tcp:80"), HasSubstr("ssl, tcp, tls, unix"));
    EXPECT_THAT(serverRefusal("smtp:25"), HasSubstr("fd, haproxy, "));
    EXPECT_THROW(serverFromString(reactor, "TCP:80"), EndpointStringError);
}

// A malformed description names itself, the field and the reason.
TEST_F(Strings, malformedDescriptionsAreRefused) {
    EXPECT_THAT(serverRefusal("tcp"), HasSubstr("\"tcp\" makes no sense: the field 'port'"));
    EXPECT_THAT(serverRefusal("tcp:http"), HasSubstr("'http'"));
    EXPECT_THAT(serverRefusal("tcp:80:interface=localhost"), HasSubstr("no numeric address"));
    EXPECT_THAT(serverRefusal("tcp:80:backlog=0"), HasSubstr("'backlog'"));
    EXPECT_THAT(serverRefusal("tcp:80:backlog=70000"), HasSubstr("'backlog'"));
    EXPECT_THAT(serverRefusal("tcp:80:reusePort=true"), HasSubstr("'reusePort'"));
    EXPECT_THAT(serverRefusal("tcp:80:prot=4"), HasSubstr("'prot'"));
    EXPECT_THAT(clientRefusal("tcp:site.test"), HasSubstr("'port' is missing"));
    EXPECT_THAT(clientRefusal("tcp::80"), HasSubstr("'host' is empty"));
    EXPECT_THAT(clientRefusal("tcp:h:80:timeout=soon"), HasSubstr("'timeout'"));
    EXPECT_THAT(clientRefusal("tcp:h:80:bindAddress=here"), HasSubstr("no numeric address"));
    EXPECT_THAT(clientRefusal("tls:h:443:bindAddress=here"), HasSubstr("no numeric address"));
    EXPECT_THAT(clientRefusal("tls:h:443:endpoint=x"), HasSubstr("\"x\""));
    EXPECT_THAT(clientRefusal("tcp:h:80:1:127.0.0.1:more"), HasSubstr("'more'"));
}

// E-23, E-27: haproxy stands before any other description of a server.
TEST_F(Strings, haproxy) {
    const auto port = listen("haproxy:tcp:0:interface=127.0.0.1");
    ASSERT_TRUE(connect("tcp:127.0.0.1:" + portOf(port)).ok());
    client->built.back()->transport->write("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nhello");
    runUntil(reactor, [&] { return !server->built.empty(); });
    EXPECT_EQ(server->built[0]->transport->getPeer().host, "192.0.2.1");
    EXPECT_THAT(serverRefusal("haproxy"), HasSubstr("kind"));
    EXPECT_THAT(serverRefusal("haproxy:smtp:25"), HasSubstr("\"smtp:25\""));
}

/// A socket that listens on loopback, at descriptor `at` or any.
int listeningSocket(int family = AF_INET) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(fd, 16), 0);
    return fd;
}

// fd: takes over a descriptor that the program was started with.
TEST_F(Strings, fd) {
    const int fd = listeningSocket();
    const auto port = listen("fd:" + std::to_string(fd));
    talks("tcp:127.0.0.1:" + portOf(port));
    EXPECT_THAT(serverRefusal("fd"), HasSubstr("'fd' is missing"));
    EXPECT_THAT(serverRefusal("fd:stdin"), HasSubstr("'stdin'"));
    const auto nothing = outcomeOf(reactor, serverFromString(reactor, "fd:999")->listen(server));
    ASSERT_FALSE(nothing.ok());
    EXPECT_THAT(nothing.failure().message(), HasSubstr("descriptor 999"));
}

/// Sets variables of the environment while it lives.
class Environment {
public:
    void set(const char* name, const std::string& value) {
        ::setenv(name, value.c_str(), 1);
        names_.push_back(name);
    }
    ~Environment() {
        for (const char* name : names_) {
            ::unsetenv(name);
        }
    }

private:
    std::vector<const char*> names_;
};

/// Puts `fd` where systemd puts the first socket, and back.
class FirstDescriptor {
public:
    explicit FirstDescriptor(int fd) : saved_(::fcntl(ListenFds::kFirst, F_DUPFD_CLOEXEC, 10)) {
        EXPECT_EQ(::dup2(fd, ListenFds::kFirst), ListenFds::kFirst);
        ::close(fd);
    }
    ~FirstDescriptor() {
        if (saved_ >= 0) {
            ::dup2(saved_, ListenFds::kFirst);
            ::close(saved_);
        }
    }

private:
    int saved_;
};

// systemd: a socket by index or by name, E-26: by exactly one of them, of the family that is said.
TEST(SystemdEndpoint, takesTheSocketsOfTheService) {
    const int first = listeningSocket();
    ASSERT_GE(first, ListenFds::kFirst);
    const FirstDescriptor place(first == ListenFds::kFirst ? ::dup(first) : first);
    Environment environment;
    environment.set("LISTEN_PID", std::to_string(::getpid()));
    environment.set("LISTEN_FDS", "1");
    environment.set("LISTEN_FDNAMES", "web");
    Reactor reactor;
    const auto refusal = [&](const std::string& description) {
        try {
            serverFromString(reactor, description);
        } catch (const EndpointStringError& error) {
            return std::string(error.what());
        }
        return std::string("accepted");
    };
    EXPECT_EQ(refusal("systemd:domain=INET:index=0"), "accepted");
    EXPECT_EQ(refusal("systemd:INET:0"), "accepted");
    EXPECT_EQ(refusal("systemd:name=web"), "accepted");
    EXPECT_THAT(refusal("systemd:index=0:name=web"), HasSubstr("either 'index' or 'name'"));
    EXPECT_THAT(refusal("systemd:domain=INET"), HasSubstr("either 'index' or 'name'"));
    EXPECT_THAT(refusal("systemd:index=1"), HasSubstr("of 1 (LISTEN_FDS), none is number 1"));
    EXPECT_THAT(refusal("systemd:name=mail"), HasSubstr("none is named 'mail'"));
    EXPECT_THAT(refusal("systemd:domain=INET6:index=0"), HasSubstr("none of the domain INET6"));
    EXPECT_THAT(refusal("systemd:domain=UNIX:index=0"), HasSubstr("none of the domain UNIX"));
    EXPECT_THAT(refusal("systemd:domain=IPX:index=0"), HasSubstr("'IPX', not INET"));
    environment.set("LISTEN_FDS", "many");
    EXPECT_THROW(serverFromString(reactor, "systemd:index=0"), ListenFdsError);
    environment.set("LISTEN_FDS", "1");
    const auto port = outcomeOf(
        reactor,
        serverFromString(reactor, "systemd:name=web")->listen(makeRef<RecordingFactory>()));
    EXPECT_TRUE(port.ok()) << port.failure().brief();
}

// Kinds may be added, once each, for clients and for servers.
TEST_F(Strings, kindsCanBeRegistered) {
    const ClientEndpointParser here = [](Reactor& with, EndpointFields& fields) {
        return clientFromString(with, "tcp:127.0.0.1:" + fields.need("port"));
    };
    const ServerEndpointParser there = [](Reactor& with, EndpointFields& fields) {
        fields.takeFlag("loud", false);
        return serverFromString(with, "tcp:0:127.0.0.1");
    };
    registerClientEndpoint("here", here);
    registerServerEndpoint("here", there);
    const auto port = listen("here:loud=yes");
    talks("here:" + portOf(port));
    EXPECT_THAT(clientRefusal("here:80:90"), HasSubstr("no field for '90'"));
    EXPECT_THROW(registerClientEndpoint("here", here), std::logic_error);
    EXPECT_THROW(registerServerEndpoint("tcp", there), std::logic_error);
    EXPECT_THROW(registerServerEndpoint("", there), std::logic_error);
    EXPECT_THROW(registerServerEndpoint("null", nullptr), std::logic_error);
}

}  // namespace
