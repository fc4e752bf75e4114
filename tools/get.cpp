#include "get.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include <marline/marline.hpp>

#include "body_sink.hpp"
#include "exit_status.hpp"
#include "get_options.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "watch.hpp"

namespace tools {
namespace {

using namespace marline;

/// One request, from its beginning to the report.
class Getting final : public RefCounted {
public:
    Getting(Reactor& reactor, const GetOptions& options) : reactor_(reactor), options_(options) {
        outcome_.url = options.url;
    }

    Deferred<> run() {
        const Ref<Getting> self(this);
        start_ = reactor_.seconds();
        Deferred<> work = request().addCallback(
            [self](const Response& response) { return self->readBody(response); });
        if (options_.maxTime > 0) {
            DelayedCall limit =
                reactor_.callLater(seconds(options_.maxTime), [self, work]() mutable {
                    self->tooLong_ = true;
                    work.cancel();
                });
            work.addBoth([limit](Result<> outcome) mutable {
                if (limit.active()) {
                    limit.cancel();
                }
                return outcome;
            });
        }
        return work.addBoth([self](Result<> outcome) { return self->finish(outcome); });
    }

private:
    /// Through the proxy if there is one, and told about with -v.
    AgentHandle agent() {
        AgentOptions how{.connectTimeout = seconds(options_.connectTimeout)};
        const bool watched = options_.json || options_.verbose;
        if (watched) {
            how.endpoints = watchedEndpoints(reactor_, how.connectTimeout, watch_);
        }
        if (!options_.proxy.empty()) {
            how.endpoints = proxyEndpoints(reactor_, proxies(), how);
            if (watched) {
                how.endpoints = watchedTunnels(how.endpoints, watch_);
            }
        }
        const Agent plain{reactor_, std::move(how)};
        return options_.verbose ? AgentHandle(VerboseAgent(plain)) : AgentHandle(plain);
    }

    Deferred<Response> request() {
        const AgentHandle direct = agent();
        http::Headers headers = requestHeaders(options_);
        const Ref<IBodyProducer> body = requestBody(options_, headers);
        std::string method = options_.head              ? "HEAD"
                             : !options_.upload.empty() ? "PUT"
                             : body                     ? "POST"
                                                        : "GET";
        if (!options_.method.empty()) {
            method = options_.method;
        }
        Result<Uri> uri = Uri::fromInput(options_.url);
        if (!uri.ok()) {
            return fail<Response>(uri.failure());
        }
        if (!options_.user.empty() && !headers.hasHeader("Authorization")) {
            const std::size_t colon = std::min(options_.user.find(':'), options_.user.size());
            headers.addRawHeader("Authorization",
                                 basicAuthorization(options_.user.substr(0, colon),
                                                    options_.user.substr(std::min(
                                                        colon + 1, options_.user.size()))));
        }
        return stack(direct).request(method, uri.value(), headers, body);
    }

    ProxySettings proxies() const {
        const Result<Proxy> proxy = Proxy::parse(options_.proxy);
        if (!proxy.ok()) {
            throw std::invalid_argument("--proxy: " + proxy.failure().message());
        }
        ProxySettings settings = ProxySettings::all(proxy.value());
        settings.noProxy = NoProxy(options_.noProxy);
        return settings;
    }

    AgentHandle stack(AgentHandle agent) {
        const std::string cookies = options_.cookies.value_or("");
        if (options_.cookies || !options_.cookieJar.empty()) {
            if (!cookies.empty() && cookies.find('=') == std::string::npos) {
                const auto loaded = isJson(cookies) ? jar_->loadJson(cookies) : jar_->load(cookies);
                if (!loaded.ok()) {
                    loaded.failure().raise();
                }
            }
            agent = CookieAgent(agent, jar_);
        }
        if (!options_.hsts.empty()) {
            loadHosts();
            agent = HstsAgent(agent, hosts_, {.verified = !options_.insecure});
        }
        if (options_.follow || options_.strict) {
            const RedirectAgentOptions how{.redirectLimit = options_.maxRedirects};
            agent = options_.strict ? AgentHandle(RedirectAgent(agent, how))
                                    : AgentHandle(BrowserLikeRedirectAgent(agent, how));
        }
        loaded_ = true;
        return options_.compressed ? AgentHandle(ContentDecoderAgent(agent)) : agent;
    }

    static bool isJson(const std::string& path) { return path.ends_with(".json"); }

    /// The file need not be there: it is written at the end.
    void loadHosts() {
        const auto loaded = hosts_->load(options_.hsts);
        const auto* error = loaded.ok() ? nullptr : loaded.failure().check<std::system_error>();
        if (!loaded.ok() &&
            (error == nullptr || error->code() != std::errc::no_such_file_or_directory)) {
            loaded.failure().raise();
        }
    }

    /// A bar for who waits at a terminal while the body goes elsewhere.
    void showProgress(const Response& response) {
        if (options_.silent || options_.verbose || options_.output.empty() ||
            options_.output == "-" || ::isatty(STDERR_FILENO) != 1) {
            return;
        }
        progress_.emplace(reactor_, response.length());
        sink_->onBytes([this](std::uint64_t bytes) { progress_->update(bytes); });
    }

    Deferred<> readBody(const Response& response) {
        outcome_.response = response;
        outcome_.firstByte = reactor_.seconds() - start_;
        const bool quiet = options_.json && options_.output.empty();
        if (!options_.resume.empty() && response.code() == 416) {
            return saveTo(response, options_.output).addCallback([](std::uint64_t) {});
        }
        const std::uint64_t most = options_.maxFileSize == 0
                                       ? std::numeric_limits<std::uint64_t>::max()
                                       : options_.maxFileSize;
        sink_ = makeRef<BodySink>(quiet ? "" : (options_.output.empty() ? "-" : options_.output),
                                  options_.json ? BodySink::Hashing::Yes : BodySink::Hashing::No,
                                  !options_.resume.empty() && response.code() == 206, most);
        if (options_.head || options_.showHead) {
            sink_->writeHead(headOf(response));
        }
        showProgress(response);
        Deferred<> done = sink_->done();
        response.deliverBody(sink_);
        return done;
    }

    Result<> finish(const Result<>& outcome) {
        outcome_.total = reactor_.seconds() - start_;
        if (sink_) {
            // The connection may have it for longer than this one lives.
            sink_->onBytes({});
            outcome_.bodyBytes = sink_->bytes();
            outcome_.sha256 = sink_->sha256();
            if (progress_) {
                progress_->finish(sink_->bytes());
            }
        }
        if (!outcome.ok()) {
            outcome_.error =
                tooLong_
                    ? Failure(TimeoutError("not done within " + std::to_string(options_.maxTime) +
                                           " s (--max-time)"))
                    : outcome.failure();
            if (outcome_.response) {
                outcome_.response->abort();
            }
        }
        outcome_.resolve = watch_->resolve;
        outcome_.connect = watch_->connect;
        outcome_.tls = watch_->tls;
        save();
        return report();
    }

    /// Writes nothing that was not read before: a bad URL empties no file.
    void save() {
        if (!loaded_) {
            return;
        }
        try {
            if (isJson(options_.cookieJar)) {
                jar_->saveJson(options_.cookieJar);
            } else if (!options_.cookieJar.empty()) {
                jar_->save(options_.cookieJar);
            }
            if (!options_.hsts.empty()) {
                hosts_->save(options_.hsts);
            }
        } catch (const std::exception& error) {
            unsaved_ = true;
            say(error.what());
        }
    }

    static std::string headOf(const Response& response) {
        std::string head = std::string(http::versionText(response.version())) + " " +
                           std::to_string(response.code()) + " " + response.phrase() + "\r\n";
        for (const auto& [name, value] : response.headers()) {
            head.append(name).append(": ").append(value).append("\r\n");
        }
        return head + "\r\n";
    }

    void say(const std::string& what) const {
        if (!options_.silent) {
            std::cerr << "marline: " << what << '\n';
        }
    }

    Result<> report() {
        if (options_.json) {
            std::cout << toJson(outcome_) << std::endl;
        }
        int status = 0;
        if (outcome_.error) {
            status = outcome_.error->check<WriteError>() != nullptr
                         ? 23
                         : diagnose(*outcome_.error).status;
            say(outcome_.error->message());
        } else if (options_.failOnStatus && outcome_.response->code() >= 400) {
            status = 22;
            say("the server answered " + std::to_string(outcome_.response->code()));
        }
        if (status == 0 && unsaved_) {
            status = 23;
        }
        if (status != 0) {
            return Failure(SystemExit(status));
        }
        return {};
    }

    Reactor& reactor_;
    const GetOptions& options_;
    Outcome outcome_;
    Ref<BodySink> sink_;
    Ref<CookieJar> jar_ = makeRef<CookieJar>();
    Ref<HstsStore> hosts_ = makeRef<HstsStore>();
    Ref<ConnectionWatch> watch_ = makeRef<ConnectionWatch>(reactor_, options_.verbose);
    std::optional<Progress> progress_;
    Duration start_{};
    bool tooLong_ = false;
    bool loaded_ = false;   // what was kept before: it may be written
    bool unsaved_ = false;  // what is to be kept could not be written
};

int get(const GetOptions& options) {
    return react([&](Reactor& reactor) {
        prepare(reactor, options);
        return makeRef<Getting>(reactor, options)->run();
    });
}

}  // namespace

void addGet(CLI::App& app, int& status) {
    auto options = std::make_shared<GetOptions>();
    CLI::App* verb = app.add_subcommand("get", "Make one request; the body goes to stdout");
    addGetOptions(*verb, *options);
    verb->callback([options, &status] { status = get(*options); });
}

}  // namespace tools
