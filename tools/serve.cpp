#include "serve.hpp"

#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <marline/marline.hpp>
#include <marline/reactor/endpoint_strings.hpp>

#include "hangup.hpp"
#include "workers.hpp"

namespace tools {
namespace {

using namespace marline;

constexpr std::string_view kMany = "--workers needs endpoints that begin with tcp: or tcp6:";

struct ServeOptions {
    std::string path = ".";
    std::vector<std::string> listen;
    std::vector<std::string> listenTls;
    std::string certificate;
    std::string key;
    std::string accessLog;
    std::string cacheControl;
    double grace = 10;
    unsigned workers = 1;
    bool json = false;
    bool noListing = false;
    bool hidden = false;
    bool precompressed = false;
    bool compress = false;
};

/// One process that serves.
class Server {
public:
    explicit Server(const ServeOptions& options) : options_(options) {
        if (!options.listenTls.empty()) {
            tls_ = TlsContext::serverFromFiles(
                options.certificate, options.key.empty() ? options.certificate : options.key);
        }
        http::SiteOptions site;
        if (!options.accessLog.empty()) {
            log_ = makeRef<http::FileAccessLog>(
                reactor_, options.accessLog,
                options.json ? http::LogFormat::Json : http::LogFormat::Combined);
            site.accessLog = log_;
        }
        site_ = makeRef<http::Site>(reactor_, root(), site);
    }

    int run() {
        const HangupSignal reloading(reactor_, [this] { reload(); });
        reactor_.addSystemEventTrigger(Phase::Before, SystemEvent::Shutdown,
                                       [this] { return shutDown(); });
        reactor_.callWhenRunning([this] { listen(); });
        reactor_.run();
        return status_;
    }

private:
    Ref<http::Resource> root() {
        auto files = makeRef<http::File>(options_.path,
                                         http::FileOptions{.listing = !options_.noListing,
                                                           .hidden = options_.hidden,
                                                           .precompressed = options_.precompressed,
                                                           .cacheControl = options_.cacheControl});
        files->putChild("healthz", makeRef<http::FunctionResource>(
                                       [this](http::Request& request) { return health(request); }));
        if (options_.compress) {
            return makeRef<http::EncodingResourceWrapper>(files);
        }
        return files;
    }

    http::Rendered health(http::Request& request) const {
        if (site_->closing()) {
            return http::HttpError(http::kServiceUnavailable, "this server is going");
        }
        request.setHeader("Content-Type", "text/plain");
        request.setHeader("Cache-Control", "no-store");
        return "ok\n";
    }

    void listen() {
        for (const std::string& where : options_.listen) {
            listenAt(where, site_, "http");
        }
        for (const std::string& where : options_.listenTls) {
            listenAt(where, tlsServerFactory(*tls_, reactor_, site_), "https");
        }
    }

    void listenAt(const std::string& where, Ref<IProtocolFactory> factory, const char* scheme) {
        const std::string shared = options_.workers > 1 ? where + ":reusePort=yes" : where;
        maybeDeferred(
            [&] { return serverFromString(reactor_, shared)->listen(std::move(factory)); })
            .addCallback([this, scheme](const Ref<IListeningPort>& port) {
                ports_.push_back(port);
                std::cout << scheme << "://" << port->getHost().toString() << "/ serves "
                          << options_.path << std::endl;
            })
            .addErrback([this, where](const Failure& why) {
                std::cerr << "marline serve: " << where << ": " << why.message() << '\n';
                status_ = 1;
                if (reactor_.running()) {
                    reactor_.stop();
                }
            });
    }

    /// After SIGHUP: new certificates, and a new log file.
    void reload() {
        try {
            if (tls_) {
                tls_->reload();
            }
            if (log_) {
                log_->reopen();
            }
            std::cout << "reloaded" << std::endl;
        } catch (const std::exception& error) {
            std::cerr << "marline serve: not reloaded: " << error.what() << '\n';
        }
    }

    Deferred<> shutDown() {
        const auto grace =
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options_.grace));
        return site_->shutdown(grace, ports_).addCallback([](const http::ShutdownReport& report) {
            std::cout << "ended: " << report.idle << " idle, " << report.finished << " finished, "
                      << report.forced << " cut" << std::endl;
        });
    }

    const ServeOptions& options_;
    Reactor reactor_;
    std::optional<TlsContext> tls_;
    Ref<http::FileAccessLog> log_;
    Ref<http::Site> site_;
    std::vector<Ref<IListeningPort>> ports_;
    int status_ = 0;
};

int serve(ServeOptions& options) {
    if (options.listen.empty() && options.listenTls.empty()) {
        options.listen = {"tcp:8080:interface=127.0.0.1"};
    }
    if (!options.listenTls.empty() && options.certificate.empty()) {
        throw std::invalid_argument("--listen-tls needs --certificate");
    }
    const auto work = [&options] { return Server(options).run(); };
    if (options.workers <= 1) {
        return work();
    }
    for (const auto& all : {options.listen, options.listenTls}) {
        for (const std::string& where : all) {
            if (!where.starts_with("tcp:") && !where.starts_with("tcp6:")) {
                throw std::invalid_argument(std::string(kMany));
            }
        }
    }
    return runWorkers(options.workers, work);
}

}  // namespace

void addServe(CLI::App& app, int& status) {
    auto options = std::make_shared<ServeOptions>();
    CLI::App* verb = app.add_subcommand("serve", "Serve a folder as a web site");
    verb->add_option("--path", options->path, "The folder (this one unless told)");
    verb->add_option("--listen", options->listen,
                     "An endpoint, as tcp:8080 or unix:/run/web (tcp:8080:interface=127.0.0.1)");
    verb->add_option("--listen-tls", options->listenTls, "An endpoint that speaks TLS");
    verb->add_option("--certificate", options->certificate, "The certificate's chain, PEM");
    verb->add_option("--key", options->key, "Its key, if that is in another file");
    verb->add_option("--access-log", options->accessLog, "A file, or - for stdout");
    verb->add_flag("--json", options->json, "Write the access log as JSON");
    verb->add_option("--workers", options->workers, "Processes that share the ports")
        ->check(CLI::Range(1, 256));
    verb->add_option("--grace", options->grace, "Seconds for what runs at the end")
        ->check(CLI::NonNegativeNumber);
    verb->add_option("--cache-control", options->cacheControl, "That field, for all files");
    verb->add_flag("--no-listing", options->noListing, "Do not list folders without an index");
    verb->add_flag("--hidden", options->hidden, "Serve names that begin with a dot, too");
    verb->add_flag("--precompressed", options->precompressed, "Serve x.br, x.zst, x.gz for x");
    verb->add_flag("--compress", options->compress, "Compress text on the way");
    verb->callback([options, &status] { status = serve(*options); });
}

}  // namespace tools
