#include "get_options.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <CLI/CLI.hpp>

namespace tools {

using namespace marline;

namespace {

void addLines(http::Headers& headers, const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos) {
            throw std::invalid_argument("-H takes 'Name: value', not '" + line + "'");
        }
        headers.addRawHeader(line.substr(0, colon), line.substr(colon + 1));
    }
}

std::string readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw std::invalid_argument("cannot read " + path + ": " + std::strerror(errno));
    }
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What -F gives: NAME=VALUE, NAME=@FILE, NAME=@FILE;type=TYPE.
Ref<IBodyProducer> readForm(const std::vector<std::string>& parts) {
    auto body = makeRef<MultipartBody>();
    for (const std::string& part : parts) {
        const std::size_t equals = part.find('=');
        if (equals == std::string::npos) {
            throw std::invalid_argument("-F takes NAME=VALUE or NAME=@FILE, not '" + part + "'");
        }
        const std::string name = part.substr(0, equals);
        const std::string value = part.substr(equals + 1);
        if (!value.starts_with('@')) {
            body->add(name, value);
            continue;
        }
        constexpr std::string_view kType = ";type=";
        const std::size_t type = value.find(kType);
        body->addFile(name, value.substr(1, type - 1),
                      type == std::string::npos ? "application/octet-stream"
                                                : value.substr(type + kType.size()));
    }
    return body;
}

/// What -d gives, as curl reads it: pieces joined by `&`, `@file` from a file.
std::string readData(const std::vector<std::string>& pieces) {
    std::string whole;
    for (const std::string& piece : pieces) {
        whole += whole.empty() ? "" : "&";
        if (piece.starts_with('@')) {
            whole += readFile(piece.substr(1));
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

}  // namespace

Duration seconds(double value) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

http::Headers requestHeaders(const GetOptions& options) {
    http::Headers headers;
    addLines(headers, options.headers);
    if (!headers.hasHeader("User-Agent")) {
        headers.addRawHeader("User-Agent", "marline");
    }
    if (!headers.hasHeader("Accept")) {
        headers.addRawHeader("Accept", "*/*");
    }
    if (!options.bearer.empty()) {
        headers.setRawHeaders("Authorization", {"Bearer " + options.bearer});
    }
    if (!options.range.empty()) {
        headers.setRawHeaders("Range", {"bytes=" + options.range});
    }
    if (!options.resume.empty()) {
        for (const auto& [name, value] : resumeHeaders(options.output)) {
            headers.addRawHeader(name, value);
        }
    }
    if (options.cookies.value_or("").find('=') != std::string::npos) {
        headers.addRawHeader("Cookie", *options.cookies);
    }
    return headers;
}

Ref<IBodyProducer> requestBody(const GetOptions& options, http::Headers& headers) {
    if (!options.upload.empty()) {
        return makeRef<FileBody>(options.upload);
    }
    if (!options.form.empty()) {
        return readForm(options.form);
    }
    if (options.data.empty() && options.binary.empty()) {
        return {};
    }
    if (!headers.hasHeader("Content-Type")) {
        headers.addRawHeader("Content-Type", "application/x-www-form-urlencoded");
    }
    if (options.binary.size() == 1 && options.binary[0].starts_with('@') && options.data.empty()) {
        return makeRef<FileBody>(options.binary[0].substr(1));
    }
    std::vector<std::string> pieces = options.data;
    pieces.insert(pieces.end(), options.binary.begin(), options.binary.end());
    return makeRef<StringBody>(readData(pieces));
}

void prepare(Reactor& reactor, const GetOptions& options) {
    if (!options.resolve.empty()) {
        auto resolver = makeRef<StaticResolver>(reactor.nameResolver());
        for (const std::string& text : options.resolve) {
            addResolution(*resolver, text);
        }
        reactor.installNameResolver(resolver);
    }
    if (!options.caFile.empty() || !options.clientCertificate.empty() || options.insecure ||
        options.url.starts_with("https:")) {
        TlsContext tls = TlsContext::client();
        tls.alpn({"http/1.1"});
        if (!options.caFile.empty()) {
            tls.trustFile(options.caFile);
        }
        if (!options.clientCertificate.empty()) {
            tls.certificateFiles(options.clientCertificate, options.clientKey.empty()
                                                                ? options.clientCertificate
                                                                : options.clientKey);
        }
        if (options.insecure) {
            tls.insecure();
        }
        reactor.installClientTls(tls);
    }
}

void addGetOptions(CLI::App& verb, GetOptions& options) {
    verb.add_option("URL", options.url)->required();
    verb.add_option("-X,--request", options.method, "The method");
    verb.add_option("-H,--header", options.headers, "A field to send: 'Name: value'")
        ->allow_extra_args(false);
    verb.add_option("-d,--data", options.data, "A body to POST; @FILE reads a file")
        ->allow_extra_args(false);
    verb.add_flag("--compressed", options.compressed,
                  "Ask for a compressed body, and write it decoded");
    verb.add_option("--data-binary", options.binary, "The same; a single @FILE is streamed")
        ->allow_extra_args(false);
    verb.add_option("-F,--form", options.form,
                    "A part of multipart/form-data: NAME=VALUE, NAME=@FILE[;type=TYPE]")
        ->allow_extra_args(false);
    verb.add_flag("-I,--head", options.head, "HEAD; prints the head");
    verb.add_flag("-i,--include", options.showHead, "Print the head before the body");
    verb.add_option("-u,--user", options.user, "USER:PASSWORD for Basic");
    verb.add_option("--bearer", options.bearer, "A token for Authorization");
    verb.add_option("-b,--cookie", options.cookies,
                    "NAME=VALUE to send, or a file of cookies; with '' cookies are kept in memory");
    verb.add_option("-c,--cookie-jar", options.cookieJar, "Write the cookies to this file");
    verb.add_option("-r,--range", options.range, "Ask for these bytes only");
    verb.add_option("-C,--continue-at", options.resume, "'-': go on with the file of -o")
        ->check(CLI::IsMember({"-"}));
    verb.add_option("--cert", options.clientCertificate, "The client's certificates (PEM)");
    verb.add_option("--key", options.clientKey, "Its key, when it is in a file of its own");
    verb.add_option("--max-filesize", options.maxFileSize, "Bytes of body at most");
    verb.add_flag("-s,--silent", options.silent, "Say nothing on stderr");
    verb.add_flag("-v,--verbose", options.verbose,
                  "Tell on stderr what is sent, what comes, and of connections and TLS");
    verb.add_flag("--http1.1", options.http11, "HTTP/1.1, which is the only version so far");
    verb.add_option("-T,--upload-file", options.upload, "A file to PUT, streamed");
    verb.add_option("-x,--proxy", options.proxy,
                    "[SCHEME://][USER:PASSWORD@]HOST[:PORT]: http, https or socks5");
    verb.add_option("--noproxy", options.noProxy, "Hosts that are reached without, as in NO_PROXY");
    verb.add_option("--hsts", options.hsts,
                    "A file of hosts that are asked by https; it is read and written");
    verb.add_flag("--strict-redirects", options.strict,
                  "Follow redirects, but only of GET and HEAD, and 303");
    verb.add_flag("-L,--location,--browser", options.follow, "Follow redirects as browsers do");
    verb.add_option("--max-redirs", options.maxRedirects, "How many (20)");
    verb.add_option("-o,--output", options.output, "Write the body to a file");
    verb.add_option("--cacert", options.caFile, "Trust these CA certificates, not the system's");
    verb.add_flag("-k,--insecure", options.insecure, "Do not verify the server");
    verb.add_option("--resolve", options.resolve, "HOST:PORT:ADDRESS: where a name leads")
        ->allow_extra_args(false);
    verb.add_option("--connect-timeout", options.connectTimeout, "Seconds (30)");
    verb.add_option("-m,--max-time", options.maxTime, "Seconds for everything (no limit)");
    verb.add_flag("-f,--fail", options.failOnStatus, "Exit with 22 when the status is >= 400");
    verb.add_flag("--json", options.json, "Print a report as one JSON object");
}

}  // namespace tools
