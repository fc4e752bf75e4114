// Fuzzes the response cache: ages and lifetimes are times, what is forbidden is not kept, and what
// comes from memory is what the server said.
#include <chrono>
#include <string>
#include <vector>

#include <marline/agent/body.hpp>
#include <marline/agent/cache_agent.hpp>
#include <marline/agent/detail/cache_rules.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>
#include <test/support/scripted_agent.hpp>

namespace {

using namespace marline;
using marline::testing::demand;
using std::chrono::seconds;

constexpr http::HttpTime kNow = std::chrono::sys_days(std::chrono::year(2030) / 1 / 1);

/// The lines up to an empty one as fields; those that are none are left out.
http::Headers takeFields(marline::testing::Chooser& input) {
    http::Headers fields;
    while (!input.rest().empty()) {
        const std::string_view line = input.takeLine();
        const std::size_t colon = line.find(':');
        if (line.empty()) {
            break;
        }
        try {
            fields.addRawHeader(line.substr(0, colon), colon == std::string_view::npos
                                                           ? std::string_view()
                                                           : line.substr(colon + 1));
        } catch (const std::invalid_argument&) {
            continue;  // no message has such a field
        }
    }
    for (const char* name : {"Content-Length", "Transfer-Encoding", "Connection", "Upgrade"}) {
        fields.removeHeader(name);
    }
    return fields;
}

void checkRules(const http::Headers& request, const http::Headers& response) {
    const detail::ResponseTimes times{kNow - seconds(2), kNow - seconds(1)};
    const detail::ResponseInfo info{
        200, "", http::Version::Http11, response, 0, Uri::parse("http://a/").value(), "GET"};
    const seconds age = detail::currentAge(response, times, kNow);
    const seconds lifetime = detail::freshnessLifetime(info, times, std::chrono::hours(24));
    demand(age >= seconds(0) && lifetime >= seconds(0), "no time is below zero");
    const detail::CacheControl asked = detail::cacheControl(request);
    const detail::CacheControl said = detail::cacheControl(response);
    const bool serves = detail::mayServe(asked, said, lifetime, age);
    demand(!serves || (!asked.noCache && !said.noCache), "no-cache asks");
    demand(!serves || age < lifetime || asked.maxStale, "what is stale is asked about");
    http::Headers stored = detail::storedFields(response);
    demand(!stored.hasHeader("Set-Cookie"), "a cookie is set once");
    detail::mergeFields(stored, response);
    demand(!stored.hasHeader("Set-Cookie"), "a cookie is set once");
}

std::string textOf(const http::Headers& fields) {
    std::string text;
    for (const auto& [name, value] : fields) {
        text.append(name).append(": ").append(value).append("\r\n");
    }
    return text;
}

/// Asks three times, with time between; the server's answers differ by their bodies.
void askThrice(const http::Headers& request, const http::Headers& response, seconds pause) {
    const auto server = makeRef<marline::testing::ScriptedAgent>();
    http::HttpTime now = kNow;
    ResponseCacheOptions options;
    options.maxBytes = 4096;
    options.clock = [&now] { return now; };
    const auto cache = makeRef<ResponseCache>(std::move(options));
    const CacheAgent agent{marline::testing::ScriptedAgentHandle(server), cache};
    std::string last;
    for (int i = 0; i < 3; ++i) {
        server->dropAnswers();
        server->answer(
            marline::testing::reply("200 OK", textOf(response), "body " + std::to_string(i)));
        const std::size_t before = server->requests();
        std::string got;
        agent.request("GET", "http://a/", request)
            .addCallback([](const Response& head) {
                return readBody(head).addCallback([code = head.code()](const std::string& body) {
                    return std::to_string(code) + ' ' + body;
                });
            })
            .addBoth([&got](const Result<std::string>& end) {
                got = end.ok() ? end.value() : end.failure().message();
            });
        demand(!got.empty(), "it is answered");
        if (server->requests() > before || got.starts_with("504 ")) {
            last = got;
        } else {
            demand(got == last, "what comes from memory is what the server said");
            demand(!detail::cacheControl(response).noStore, "no-store is not kept");
        }
        now += pause;
    }
    demand(cache->metrics().bytes <= 4096, "maxBytes");
    server->closeAll();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    const seconds pause(input.takeByte());
    const http::Headers response = takeFields(input);
    const http::Headers request = takeFields(input);
    checkRules(request, response);
    askThrice(request, response, pause);
    return 0;
}
