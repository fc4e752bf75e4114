// Fuzzes a whole HTTP server: whatever a client says, in whatever reads, is answered the same, and
// every answer makes one line of the access log that can be read again.
#include <chrono>
#include <string>
#include <vector>

#include <marline/protocols/http/access_log.hpp>
#include <marline/protocols/http/args.hpp>
#include <marline/protocols/http/form.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/protocols/http/resource.hpp>
#include <marline/protocols/http/site.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/testing/clock.hpp>
#include <marline/reactor/testing/string_transport.hpp>

#include <nlohmann/json.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/deliver.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

/// Takes a line of either format apart, as its readers do.
class Lines final : public http::AccessLog {
public:
    void answered(http::Request& request) override {
        const std::string combined = lineOf(request, http::LogFormat::Combined);
        std::size_t quotes = 0;
        for (std::size_t i = 0; i < combined.size(); ++i) {
            if (combined[i] == '\\') {
                ++i;  // what is behind it is text
            } else if (combined[i] == '"') {
                ++quotes;
            }
        }
        demand(quotes == 6, "a combined line has three quoted fields");
        const auto json = nlohmann::json::parse(lineOf(request, http::LogFormat::Json));
        demand(json.at("method") == request.method() && json.at("uri") == request.uri(),
               "a JSON line says what was asked");
        demand(json.at("status") == request.responseCode(), "a JSON line says what was answered");
        ++count;
    }

    int count = 0;

private:
    static std::string lineOf(http::Request& request, http::LogFormat format) {
        const std::string line =
            accessLogLine(request, format, std::chrono::system_clock::time_point());
        demand(line.ends_with('\n'), "a line ends");
        for (std::size_t i = 0; i + 1 < line.size(); ++i) {
            demand(line[i] >= ' ' && line[i] <= '~', "a line is printable");
        }
        return line;
    }
};

/// Answers with what it was asked.
http::Rendered describe(http::Request& request) {
    std::string text = request.method() + ' ' + request.uri() + ' ' + request.getRequestHostname();
    for (const std::string& segment : request.segments()) {
        text.append("/").append(segment);
    }
    for (const auto& [name, value] : request.args()) {
        text.append("&").append(name).append("=").append(value);
    }
    text.append("|").append(request.getCookie("a").value_or("no cookie"));
    if (http::Form::isForm(request.getHeader("Content-Type").value_or(""))) {
        for (const auto& [name, value] : request.form().fields()) {
            text.append(";").append(name).append("=").append(value);
        }
    }
    request.setETag("tag");
    return text + '|' + request.content();
}

Ref<http::Resource> tree() {
    auto root = makeRef<http::FunctionResource>(
        [](http::Request& request) -> http::Rendered { return describe(request); });
    return root;
}

/// All but the dates, which pass.
std::string withoutDates(std::string text) {
    constexpr std::string_view kName = "\r\nDate: ";
    constexpr std::size_t kDate = 29;
    for (std::size_t at = text.find(kName); at != std::string::npos; at = text.find(kName, at)) {
        text.erase(at, kName.size() + kDate);
    }
    return text;
}

std::string transcript(const std::vector<std::string_view>& reads,
                       const http::SiteOptions& options) {
    testing::Clock clock{std::chrono::hours(1)};
    testing::StringTransport transport;
    const auto log = makeRef<Lines>();
    http::SiteOptions with = options;
    with.accessLog = log;
    const auto site = makeRef<http::Site>(clock, tree(), with);
    const Ref<IProtocol> server = site->buildProtocol({});
    server->makeConnection(transport);
    for (const std::string_view read : reads) {
        if (transport.disconnecting()) {
            break;
        }
        marline::testing::deliver(*server, read);
        clock.turn();
    }
    std::string text = withoutDates(transport.value());
    text += (transport.disconnecting() ? "closed " : "open ") + std::to_string(log->count);
    transport.disconnect();
    server->connectionLost(ConnectionDone());
    clock.advance(std::chrono::hours(1));
    demand(site->connections() == 0, "no connection stays behind");
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    const unsigned seed = input.takeByte();
    http::SiteOptions options;
    if (choice % 4 == 3) {
        options.maxBody = choice;
        options.wire.requestLine = 8 + choice;
        options.wire.headerBlock = 32 + choice;
        options.wire.headerFields = 1 + choice / 32;
        options.form.fields = choice / 32;
    }
    marline::testing::expectTheSameFromEveryCut(
        input.rest(), seed,
        [&](const std::vector<std::string_view>& reads) { return transcript(reads, options); });
    return 0;
}
