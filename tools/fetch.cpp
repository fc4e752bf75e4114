#include "fetch.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <marline/marline.hpp>

#include "body_sink.hpp"
#include "exit_status.hpp"
#include "get_options.hpp"

namespace tools {
namespace {

using namespace marline;
using Json = nlohmann::ordered_json;

struct FetchOptions {
    std::vector<std::string> urls;
    std::string input;
    std::size_t concurrency = 64;
    std::size_t perHost = 6;
    GetOptions common;
};

double milliseconds(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

/// The URLs of a text: one a line, empty lines and those that begin with `#` left out.
void addLines(std::istream& text, std::vector<std::string>& urls) {
    for (std::string line; std::getline(text, line);) {
        const std::size_t first = line.find_first_not_of(" \t\r");
        if (first != std::string::npos && line[first] != '#') {
            urls.push_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
        }
    }
}

std::vector<std::string> urlsOf(const FetchOptions& options) {
    std::vector<std::string> urls = options.urls;
    if (options.input == "-") {
        addLines(std::cin, urls);
    } else if (!options.input.empty()) {
        std::ifstream file(options.input);
        if (!file) {
            throw std::invalid_argument("cannot read " + options.input);
        }
        addLines(file, urls);
    }
    if (urls.empty()) {
        throw std::invalid_argument("no URL: give some, or --input FILE, or --input - for stdin");
    }
    return urls;
}

/// All requests, their lines and their sum.
class Fetching final : public RefCounted {
public:
    Fetching(Reactor& reactor, const FetchOptions& options)
        : reactor_(reactor), options_(options), urls_(urlsOf(options)),
          terminal_(!options.common.silent && ::isatty(STDERR_FILENO) == 1) {}

    Deferred<> run() {
        const Ref<Fetching> self(this);
        begun_ = reactor_.seconds();
        std::vector<Deferred<>> workers;
        for (std::size_t i = 0; i < std::min(options_.concurrency, urls_.size()); ++i) {
            workers.push_back(work());
        }
        return DeferredList(workers, {.consumeErrors = true})
            .addCallback([self](const std::vector<Result<>>& ended) { return self->end(ended); });
    }

private:
    /// One worker: takes the next URL until none is left.
    Deferred<> work() {
        const Ref<Fetching> self(this);
        while (taken_ < urls_.size()) {
            const std::string& url = urls_[taken_++];
            co_await fetch(url);
        }
    }

    Deferred<> fetch(const std::string& url) {
        const Ref<Fetching> self(this);
        const Duration begun = reactor_.seconds();
        auto sink = makeRef<BodySink>("", BodySink::Hashing::No);
        auto status = std::make_shared<int>(0);
        const Result<Uri> uri = Uri::fromInput(url);
        Deferred<> done = !uri.ok() ? fail<void>(uri.failure())
                                    : agent_.request("GET", uri.value())
                                          .addCallback([sink, status](const Response& response) {
                                              *status = response.code();
                                              response.deliverBody(sink);
                                              return sink->done();
                                          });
        return done.addBoth([self, sink, status, url, begun](const Result<>& outcome) {
            self->report(url, *status, sink->bytes(), self->reactor_.seconds() - begun, outcome);
        });
    }

    void report(const std::string& url, int status, std::uint64_t bytes, Duration took,
                const Result<>& outcome) {
        const bool well = outcome.ok() && status == 200;
        const std::string why = !outcome.ok() ? outcome.failure().message()
                                : well        ? ""
                                              : "status " + std::to_string(status);
        bytes_ += bytes;
        bad_ += well ? 0 : 1;
        took_.push_back(milliseconds(took));
        if (terminal_) {
            std::cerr << "\r\x1b[K";
        }
        std::cout << (options_.common.json ? line(url, status, bytes, took_.back(), outcome)
                                           : url + (well ? " OK" : " Bad: " + why))
                  << std::endl;
        if (terminal_) {
            std::cerr << took_.size() << " of " << urls_.size() << ", " << bad_ << " bad"
                      << std::flush;
        }
    }

    static std::string line(const std::string& url, int status, std::uint64_t bytes, double took,
                            const Result<>& outcome) {
        Json report{{"url", url},        {"ok", outcome.ok() && status == 200},
                    {"status", nullptr}, {"bodyBytes", bytes},
                    {"ms", took},        {"error", nullptr}};
        if (status != 0) {
            report["status"] = status;
        }
        if (!outcome.ok()) {
            report["error"] = {{"type", outcome.failure().typeName()},
                               {"phase", diagnose(outcome.failure()).phase},
                               {"message", outcome.failure().message()}};
        }
        return report.dump(-1, ' ', false, Json::error_handler_t::replace);
    }

    /// The time that `share` of the requests took at most, in milliseconds.
    double percentile(double share) const {
        const auto rank =
            static_cast<std::size_t>(std::ceil(share * static_cast<double>(took_.size())));
        return took_[std::max<std::size_t>(rank, 1) - 1];
    }

    /// A worker that has failed has left its URLs behind.
    Result<> end(const std::vector<Result<>>& ended) {
        std::cout.exceptions(std::ios::goodbit);  // writing to stderr flushes it
        const auto failed = std::find_if(ended.begin(), ended.end(),
                                         [](const Result<>& each) { return !each.ok(); });
        if (failed != ended.end()) {
            std::cerr << "marline: not all of the " << urls_.size()
                      << " requests were made and told: " << failed->failure().message() << '\n';
            return Failure(SystemExit(70));
        }
        return sum();
    }

    Result<> sum() {
        if (!options_.common.silent) {
            std::sort(took_.begin(), took_.end());
            const double seconds =
                std::chrono::duration<double>(reactor_.seconds() - begun_).count();
            std::fprintf(stderr,
                         "%s%zu requests, %zu bad, %llu bytes in %.3f s, %.1f requests/s; ms: "
                         "min %.1f, 50%% %.1f, 90%% %.1f, 99%% %.1f, max %.1f\n",
                         terminal_ ? "\r\x1b[K" : "", took_.size(), bad_,
                         static_cast<unsigned long long>(bytes_), seconds,
                         static_cast<double>(took_.size()) / std::max(seconds, 1e-9), percentile(0),
                         percentile(0.5), percentile(0.9), percentile(0.99), percentile(1));
        }
        return bad_ == 0 ? Result<>() : Result<>(Failure(SystemExit(1)));
    }

    Reactor& reactor_;
    const FetchOptions& options_;
    std::vector<std::string> urls_;
    RedirectAgent agent_{Agent{reactor_,
                               {.connectTimeout = seconds(options_.common.connectTimeout),
                                .totalTimeout = seconds(options_.common.maxTime),
                                .maxPerHost = options_.perHost,
                                .maxTotal = std::max<std::size_t>(options_.concurrency, 1)}}};
    bool terminal_;
    std::size_t taken_ = 0;
    std::size_t bad_ = 0;
    std::uint64_t bytes_ = 0;
    std::vector<double> took_;
    Duration begun_{};
};

int fetch(const FetchOptions& options) {
    return react([&](Reactor& reactor) {
        prepare(reactor, options.common);
        std::cout.exceptions(std::ios::badbit);  // a line that is lost is no success
        return makeRef<Fetching>(reactor, options)->run();
    });
}

}  // namespace

void addFetch(CLI::App& app, int& status) {
    auto options = std::make_shared<FetchOptions>();
    CLI::App* verb =
        app.add_subcommand("fetch", "Request many URLs at once, and say which are well");
    verb->add_option("URL", options->urls);
    verb->add_option("--input", options->input, "A file with a URL a line; '-' is stdin");
    verb->add_option("--concurrency", options->concurrency, "Requests at a time (64)")
        ->check(CLI::PositiveNumber);
    verb->add_option("--per-host", options->perHost, "Connections to one host (6)")
        ->check(CLI::PositiveNumber);
    verb->add_flag("--json", options->common.json, "A JSON object a line");
    verb->add_flag("-s,--silent", options->common.silent, "No progress and no sum on stderr");
    verb->add_option("--connect-timeout", options->common.connectTimeout, "Seconds (30)");
    verb->add_option("-m,--max-time", options->common.maxTime, "Seconds for each (no limit)");
    verb->add_option("--resolve", options->common.resolve, "HOST:PORT:ADDRESS: where a name leads")
        ->allow_extra_args(false);
    verb->add_option("--cacert", options->common.caFile,
                     "Trust these CA certificates, not the system's");
    verb->add_flag("-k,--insecure", options->common.insecure, "Do not verify the servers");
    verb->callback([options, &status] { status = fetch(*options); });
}

}  // namespace tools
