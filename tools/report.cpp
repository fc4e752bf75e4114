#include "report.hpp"

#include <chrono>

#include <nlohmann/json.hpp>

#include "exit_status.hpp"

namespace tools {
namespace {

using namespace marline;
using Json = nlohmann::ordered_json;

double milliseconds(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

Json redirectsTo(const Response& response) {
    Json trail = Json::array();
    for (const Response* r = response.previousResponse(); r != nullptr; r = r->previousResponse()) {
        const std::string location(r->headers().get("Location").value_or(""));
        trail.insert(
            trail.begin(),
            Json{{"status", r->code()}, {"url", r->uri().toString()}, {"location", location}});
    }
    return trail;
}

void addResponse(Json& report, const Response& response) {
    report["status"] = response.code();
    report["url"] = response.uri().toString();
    report["version"] = std::string(http::versionText(response.version()));
    Json headers = Json::array();
    for (const auto& [name, value] : response.headers()) {
        headers.push_back(Json::array({std::string(name), std::string(value)}));
    }
    report["headers"] = std::move(headers);
    report["redirects"] = redirectsTo(response);
}

}  // namespace

std::string toJson(const Outcome& outcome) {
    Json report;
    report["ok"] = !outcome.error;
    report["status"] = nullptr;
    report["url"] = outcome.url;
    if (outcome.response) {
        addResponse(report, *outcome.response);
    }
    report["bodyBytes"] = outcome.bodyBytes;
    report["sha256"] = outcome.sha256;
    report["timings"] = {{"resolve", milliseconds(outcome.resolve.value_or(Duration::zero()))},
                         {"connect", milliseconds(outcome.connect.value_or(Duration::zero()))},
                         {"tls", milliseconds(outcome.tls.value_or(Duration::zero()))},
                         {"firstByte", milliseconds(outcome.firstByte)},
                         {"total", milliseconds(outcome.total)}};
    report["error"] = nullptr;
    if (outcome.error) {
        report["error"] = {{"type", outcome.error->typeName()},
                           {"phase", diagnose(*outcome.error).phase},
                           {"message", outcome.error->message()}};
    }
    // What a server sent need not be UTF-8.
    return report.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tools
