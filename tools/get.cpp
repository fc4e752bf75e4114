#include "get.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <marline/marline.hpp>

#include "body_sink.hpp"
#include "exit_status.hpp"
#include "report.hpp"

namespace tools {
namespace {

using namespace marline;

struct GetOptions {
    std::string url;
    std::string method;
    std::vector<std::string> headers;
    std::vector<std::string> data;
    std::string output;
    std::string caFile;
    std::vector<std::string> resolve;
    double connectTimeout = 30;
    double maxTime = 0;
    unsigned maxRedirects = 20;
    bool follow = false;
    bool json = false;
    bool failOnStatus = false;
    bool insecure = false;
    bool compressed = false;
};

Duration seconds(double value) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

http::Headers readHeaders(const std::vector<std::string>& lines) {
    http::Headers headers;
    for (const std::string& line : lines) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) {
            throw std::invalid_argument("-H takes 'Name: value', not '" + line + "'");
        }
        headers.addRawHeader(line.substr(0, colon), line.substr(colon + 1));
    }
    return headers;
}

/// What -d gives, as curl reads it: pieces joined by `&`, `@file` from a file.
std::string readData(const std::vector<std::string>& pieces) {
    std::string whole;
    for (const std::string& piece : pieces) {
        whole += whole.empty() ? "" : "&";
        if (piece.starts_with('@')) {
            std::ifstream file(piece.substr(1), std::ios::binary);
            if (!file) {
                throw std::invalid_argument("cannot read " + piece.substr(1) + ": " +
                                            std::strerror(errno));
            }
            whole.append(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
        } else {
            whole += piece;
        }
    }
    return whole;
}

/// Takes HOST:PORT:ADDRESS, where the address may be IPv6 with or without brackets.
void addResolution(StaticResolver& resolver, const std::string& text) {
    const std::size_t first = text.find(':');
    const std::size_t second = first == std::string::npos ? first : text.find(':', first + 1);
    Address address;
    std::string numeric = second == std::string::npos ? "" : text.substr(second + 1);
    if (numeric.starts_with('[') && numeric.ends_with(']')) {
        numeric = numeric.substr(1, numeric.size() - 2);
    }
    std::size_t used = 0;
    unsigned long port = 0;
    try {
        port = std::stoul(text.substr(first + 1, second - first - 1), &used);
    } catch (const std::exception&) {
        used = 0;
    }
    if (used == 0 || port > 65535 ||
        !parseNumericAddress(numeric, static_cast<std::uint16_t>(port), address)) {
        throw std::invalid_argument("--resolve takes HOST:PORT:ADDRESS, not '" + text + "'");
    }
    resolver.add(text.substr(0, first), static_cast<std::uint16_t>(port), address);
}

void prepare(Reactor& reactor, const GetOptions& options) {
    if (!options.resolve.empty()) {
        auto resolver = makeRef<StaticResolver>(reactor.nameResolver());
        for (const std::string& text : options.resolve) {
            addResolution(*resolver, text);
        }
        reactor.installNameResolver(resolver);
    }
    if (!options.caFile.empty() || options.insecure) {
        TlsContext tls = TlsContext::client();
        if (!options.caFile.empty()) {
            tls.trustFile(options.caFile);
        }
        if (options.insecure) {
            tls.insecure();
        }
        reactor.installClientTls(tls);
    }
}

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
    Deferred<Response> request() {
        Agent direct{reactor_, {.connectTimeout = seconds(options_.connectTimeout)}};
        http::Headers headers = readHeaders(options_.headers);
        if (!headers.hasHeader("User-Agent")) {
            headers.addRawHeader("User-Agent", "marline");
        }
        if (!headers.hasHeader("Accept")) {
            headers.addRawHeader("Accept", "*/*");
        }
        Ref<IBodyProducer> body;
        std::string method = options_.method.empty() ? "GET" : options_.method;
        if (!options_.data.empty()) {
            body = makeRef<StringBody>(readData(options_.data));
            method = options_.method.empty() ? "POST" : method;
            if (!headers.hasHeader("Content-Type")) {
                headers.addRawHeader("Content-Type", "application/x-www-form-urlencoded");
            }
        }
        AgentHandle agent = direct;
        if (options_.follow) {
            agent = RedirectAgent(agent, {.redirectLimit = options_.maxRedirects});
        }
        if (options_.compressed) {
            agent = ContentDecoderAgent(agent);
        }
        return agent.request(method, options_.url, headers, body);
    }

    Deferred<> readBody(const Response& response) {
        outcome_.response = response;
        outcome_.firstByte = reactor_.seconds() - start_;
        const bool quiet = options_.json && options_.output.empty();
        sink_ = makeRef<BodySink>(quiet ? "" : (options_.output.empty() ? "-" : options_.output));
        Deferred<> done = sink_->done();
        response.deliverBody(sink_);
        return done;
    }

    Result<> finish(const Result<>& outcome) {
        outcome_.total = reactor_.seconds() - start_;
        if (sink_) {
            outcome_.bodyBytes = sink_->bytes();
            outcome_.sha256 = sink_->sha256();
        }
        if (!outcome.ok()) {
            outcome_.error =
                tooLong_
                    ? Failure(TimeoutError("not done within " + std::to_string(options_.maxTime) +
                                           " s (--max-time)"))
                    : outcome.failure();
        }
        return report();
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
            std::cerr << "marline: " << outcome_.error->message() << '\n';
        } else if (options_.failOnStatus && outcome_.response->code() >= 400) {
            status = 22;
            std::cerr << "marline: the server answered " << outcome_.response->code() << '\n';
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
    Duration start_{};
    bool tooLong_ = false;
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
    verb->add_option("URL", options->url)->required();
    verb->add_option("-X,--request", options->method, "The method");
    verb->add_option("-H,--header", options->headers, "A field to send: 'Name: value'")
        ->allow_extra_args(false);
    verb->add_option("-d,--data", options->data, "A body to POST; @FILE reads a file")
        ->allow_extra_args(false);
    verb->add_flag("--compressed", options->compressed,
                   "Ask for a compressed body, and write it decoded");
    verb->add_flag("-L,--location", options->follow, "Follow redirects");
    verb->add_option("--max-redirs", options->maxRedirects, "How many (20)");
    verb->add_option("-o,--output", options->output, "Write the body to a file");
    verb->add_option("--cacert", options->caFile, "Trust these CA certificates, not the system's");
    verb->add_flag("-k,--insecure", options->insecure, "Do not verify the server");
    verb->add_option("--resolve", options->resolve, "HOST:PORT:ADDRESS: where a name leads")
        ->allow_extra_args(false);
    verb->add_option("--connect-timeout", options->connectTimeout, "Seconds (30)");
    verb->add_option("-m,--max-time", options->maxTime, "Seconds for everything (no limit)");
    verb->add_flag("-f,--fail", options->failOnStatus, "Exit with 22 when the status is >= 400");
    verb->add_flag("--json", options->json, "Print a report as one JSON object");
    verb->callback([options, &status] { status = get(*options); });
}

}  // namespace tools
