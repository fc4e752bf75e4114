#include "fetch.hpp"

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <marline/marline.hpp>

namespace tools {
namespace {

using namespace marline;

struct FetchOptions {
    std::vector<std::string> urls;
    std::string caFile;
};

Deferred<> fetchOne(const RedirectAgent& agent, const std::string& url) {
    return agent.request("GET", url)
        .addCallback([url](const Response& response) {
            const bool well = response.code() == 200;
            std::cout << url << (well ? " OK" : " Bad: status " + std::to_string(response.code()))
                      << std::endl;
            return well ? Result<>() : Result<>(Failure(SystemExit(1)));
        })
        .addErrback([url](const Failure& why) {
            if (why.check<SystemExit>() == nullptr) {
                std::cout << url << " Bad: " << why.message() << std::endl;
            }
            return Failure(SystemExit(1));
        });
}

Deferred<> fetchAll(Reactor& reactor, const FetchOptions& options) {
    if (!options.caFile.empty()) {
        reactor.installClientTls(TlsContext::client().trustFile(options.caFile));
    }
    const RedirectAgent agent{Agent{reactor}};
    std::vector<Deferred<>> all;
    for (const std::string& url : options.urls) {
        all.push_back(fetchOne(agent, url));
    }
    return DeferredList(all, {.consumeErrors = true}).addCallback(firstFailure<void>);
}

}  // namespace

void addFetch(CLI::App& app, int& status) {
    auto options = std::make_shared<FetchOptions>();
    CLI::App* verb =
        app.add_subcommand("fetch", "Request many URLs at once, and say which are well");
    verb->add_option("URL", options->urls)->required();
    verb->add_option("--cacert", options->caFile, "Trust these CA certificates, not the system's");
    verb->callback([options, &status] { status = react(fetchAll, *options); });
}

}  // namespace tools
