// What File, TLS, gzip and the access log cost a server: `serving_cost --n 4000 --conc 16
// --bytes 12000`.
//
// A page of that size is served from memory, in plain; then as a file; with an access log; with a
// compressed sibling for clients that take gzip; and `all`, which is that over TLS. Beside that the
// page is encoded, once, or with `--cache 0`, where File keeps nothing in memory, anew for every
// request. Prints one JSON line: the server's CPU per request on kept connections, each the median
// of several rounds, and what `all`, all but TLS, and all with a page that is encoded are against
// the plain one, and `all` against the file.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <marline/marline.hpp>
#include <marline/protocols/http/response_parser.hpp>
#include <marline/reactor/testing/certificates.hpp>

#include "arguments.hpp"
#include "server_thread.hpp"

using namespace marline;

namespace {

/// One way of serving the page.
struct Way {
    const char* name;
    bool tls;
    bool gzip;
    Address at = {};
    std::vector<double> costs = {};

    double median() {
        std::sort(costs.begin(), costs.end());
        return costs[costs.size() / 2];
    }
};

enum WayIndex : std::size_t { kPlain, kFile, kLogged, kGzip, kAll, kEncoded, kAllEncoded };

std::array<Way, 7> ways = {{{"plain", false, false},
                            {"file", false, false},
                            {"file_log", false, false},
                            {"file_log_gzip", false, true},
                            {"all", true, true},
                            {"encoded", false, true},
                            {"all_encoded", true, true}}};

/// A client that asks again as soon as it is answered, while there is something left to ask.
class Asking final : public Protocol {
public:
    Asking(const Way& way, long& left, long& pending)
        : left_(left), pending_(pending),
          request_(std::string("GET /page.html HTTP/1.1\r\nHost: t\r\n") +
                   (way.gzip ? "Accept-Encoding: gzip\r\n\r\n" : "\r\n")) {}

    void ask() {
        if (left_ == 0) {
            --pending_;
            return;
        }
        --left_;
        parser_.expectResponse("GET");
        transport()->write(request_);
    }

private:
    void dataReceived(std::span<const std::byte> data) override {
        for (;;) {
            switch (parser_.next(data)) {
            case http::WireEvent::Head:
                if (parser_.head().code != 200) {
                    throw std::runtime_error("status " + std::to_string(parser_.head().code));
                }
                break;
            case http::WireEvent::Body: break;
            case http::WireEvent::End: ask(); return;
            case http::WireEvent::NeedData: return;
            default: throw std::runtime_error("not a response");
            }
        }
    }
    void connectionLost(const Failure& why) override {
        if (pending_ > 0) {
            std::fprintf(stderr, "serving_cost: %s\n", why.message().c_str());
            std::exit(3);
        }
        Protocol::connectionLost(why);
    }

    long& left_;
    long& pending_;
    std::string request_;
    http::ResponseParser parser_;
};

/// The clients of one way.
class Load {
public:
    Load(Way& way, const TlsContext& tls, std::size_t count) : way_(way) {
        Ref<IStreamClientEndpoint> endpoint = makeRef<TcpClientEndpoint>(reactor_, way.at);
        if (way.tls) {
            endpoint = wrapClientTls(reactor_, tls, "page.test", endpoint);
        }
        std::size_t connected = 0;
        for (std::size_t i = 0; i < count; ++i) {
            clients_.push_back(makeRef<Asking>(way, left_, pending_));
            endpoint->connect(factoryOf([one = clients_.back()](const Address&) { return one; }))
                .addCallback([&connected](const Ref<IProtocol>&) { ++connected; });
        }
        while (connected < count) {
            reactor_.iterate(std::chrono::seconds(10));
        }
    }

    void run(long requests) {
        left_ = requests;
        pending_ = static_cast<long>(clients_.size());
        for (const Ref<Asking>& client : clients_) {
            client->ask();
        }
        while (pending_ > 0) {
            reactor_.iterate(std::chrono::seconds(10));
        }
    }
    void measure(bench::ServerThread& server, long requests) {
        run(requests / 10);
        const double before = server.cpuSeconds();
        run(requests);
        way_.costs.push_back((server.cpuSeconds() - before) * 1e6 / static_cast<double>(requests));
    }

private:
    Way& way_;
    long left_ = 0;
    long pending_ = 0;
    std::vector<Ref<Asking>> clients_;
    Reactor reactor_;
};

/// Text that compresses about as text does.
std::string page(std::size_t bytes) {
    constexpr std::array<const char*, 16> kWords = {
        "light", "rope", "of",   "two",   "twisted", "strands", "the",  "reactor",
        "waits", "for",  "what", "comes", "and",     "calls",   "back", "protocol"};
    std::string text = "<!doctype html><title>A page</title>\n";
    for (std::uint32_t random = 1; text.size() < bytes;) {
        random = random * 1664525 + 1013904223;
        text.append(kWords.at(random >> 28)).append(random >> 27 & 1 ? " " : ".\n<p>");
        text += std::to_string(random >> 20 & 0x7f) + " ";
    }
    return text;
}

/// A folder with the page, and its compressed sibling.
class Folder {
public:
    explicit Folder(const std::string& text) {
        std::string name = std::filesystem::temp_directory_path() / "marline-bench.XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("cannot make " + name);
        }
        path = name;
        std::string small;
        http::ContentEncoder::make("gzip", 6)->encode(text, http::EncodeFlush::Finish, small);
        std::ofstream(path / "page.html", std::ios::binary) << text;
        std::ofstream(path / "page.html.gz", std::ios::binary) << small;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }

    std::filesystem::path path;
};

void serve(Reactor& reactor, const std::string& text, const Folder& folder, const TlsContext& tls,
           bool cached) {
    const auto plain = makeRef<http::Resource>();
    plain->putChild("page.html", makeRef<http::Data>(text, "text/html"));
    http::FileOptions keeping;
    keeping.cacheBytes = cached ? keeping.cacheBytes : 0;
    keeping.cacheAfter = {};  // the page was written just now
    const auto file = makeRef<http::File>(folder.path, keeping);
    keeping.precompressed = true;
    const auto siblings = makeRef<http::File>(folder.path, keeping);
    const auto encoded =
        makeRef<http::EncodingResourceWrapper>(file, http::EncodingOptions{.codings = {"gzip"}});
    const auto log = makeRef<http::FileAccessLog>(reactor, folder.path / "access.log");
    const auto listen = [&](WayIndex way, Ref<http::Resource> root) {
        http::SiteOptions options;
        if (way >= kLogged) {
            options.accessLog = log;
        }
        Ref<IProtocolFactory> site = makeRef<http::Site>(reactor, std::move(root), options);
        if (ways.at(way).tls) {
            site = tlsServerFactory(tls, reactor, site);
        }
        ways.at(way).at = reactor.listenTcp(0, site, {.interface = "127.0.0.1"})->getHost();
    };
    listen(kPlain, plain);
    listen(kFile, file);
    listen(kLogged, file);
    listen(kGzip, siblings);
    listen(kAll, siblings);
    listen(kEncoded, encoded);
    listen(kAllEncoded, encoded);
}

}  // namespace

int main(int argc, char** argv) {
    const long requests = bench::number(argc, argv, "--n", 4000);
    const auto atOnce = static_cast<std::size_t>(bench::number(argc, argv, "--conc", 16));
    const testing::CertificateAuthority authority;
    const testing::PemPair pair = authority.issue({.names = {"page.test"}});
    const std::string text =
        page(static_cast<std::size_t>(bench::number(argc, argv, "--bytes", 12'000)));
    const Folder folder(text);
    const bool cached = bench::number(argc, argv, "--cache", 1) != 0;
    bench::ServerThread server([&](Reactor& reactor) {
        serve(reactor, text, folder, TlsContext::server(pair.certificate, pair.key), cached);
    });
    for (long round = bench::number(argc, argv, "--rounds", 5); round > 0; --round) {
        for (Way& way : ways) {
            Load(way, TlsContext::client().trustPem(authority.certificatePem()), atOnce)
                .measure(server, requests);
        }
    }
    std::printf("{");
    for (Way& way : ways) {
        std::printf("\"%s_us\":%.2f,", way.name, way.median());
    }
    const double plain = ways[kPlain].median();
    std::printf(
        "\"ratio\":%.2f,\"ratio_without_tls\":%.2f,\"ratio_encoded\":%.2f,"
        "\"ratio_to_file\":%.2f}\n",
        ways[kAll].median() / plain, ways[kGzip].median() / plain,
        ways[kAllEncoded].median() / plain, ways[kAll].median() / ways[kFile].median());
    return 0;
}
