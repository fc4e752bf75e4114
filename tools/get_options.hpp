// What `marline get` is told, and what it makes of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <marline/marline.hpp>

namespace CLI {
class App;
}

namespace tools {

/// The options of `marline get`, as docs/tools.md has them.
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
    bool strict = false;
    std::string user;
    std::string bearer;
    std::vector<std::string> binary;
    std::vector<std::string> form;
    std::optional<std::string> cookies;
    std::string cookieJar;
    std::string range;
    std::string resume;
    std::string clientCertificate;
    std::string clientKey;
    std::uint64_t maxFileSize = 0;
    bool head = false;
    bool showHead = false;
    bool silent = false;
    bool verbose = false;
    bool http11 = true;
    std::string upload;
    std::string hsts;
    std::string proxy;
    std::string noProxy;
};

/// Adds them to the verb.
void addGetOptions(CLI::App& verb, GetOptions& options);

/// The fields of -H and of what else has fields. Throws std::invalid_argument.
marline::http::Headers requestHeaders(const GetOptions& options);

/// The body of -d, --data-binary or -F, or none; may add a Content-Type. Throws
/// std::invalid_argument, and std::system_error for a file that cannot be read.
marline::Ref<marline::IBodyProducer> requestBody(const GetOptions& options,
                                                 marline::http::Headers& headers);

/// Sets resolver and TLS as they say.
void prepare(marline::Reactor& reactor, const GetOptions& options);

/// Seconds of a command line.
marline::Duration seconds(double value);

}  // namespace tools
