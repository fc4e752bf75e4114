// Fuzzes RedirectAgent and BrowserLikeRedirectAgent: wherever servers send them they come to an
// end, and take nothing along that another origin must not see.
#include <optional>
#include <string>
#include <vector>

#include <marline/agent/body.hpp>
#include <marline/agent/detail/connection_response.hpp>
#include <marline/agent/detail/http_connection.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/deferred/succeed.hpp>

#include <test/fuzz/cuts.hpp>
#include <test/fuzz/demand.hpp>

namespace {

using namespace marline;
using marline::testing::demand;

constexpr const char* kSensitive[] = {"Authorization", "Cookie", "Host", "X-Secret"};

/// Answers every request as the next line of the input says, over and over: a status, and where it
/// leads to.
class Servers final : public IAgent {
public:
    Servers(std::string_view lines, const RedirectAgentOptions& options)
        : lines_(lines), options_(options) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        check(method, uri, headers, body);
        last_ = uri;
        ++requests;
        if (at_ >= lines_.size()) {
            at_ = 0;
        }
        const std::string_view line = lines_.substr(at_, lines_.find('\n', at_) - at_);
        at_ += line.size() + 1;
        constexpr int kCodes[] = {301, 302, 303, 307, 308, 200, 304, 300};
        const int code = kCodes[line.empty() ? 0 : static_cast<unsigned char>(line[0]) % 8U];
        http::Headers fields;
        if (line.size() > 1 && marline::testing::isOneLine(line)) {
            fields.addRawHeader("Location", line.substr(1));
        }
        return succeed(Response(makeRef<detail::ConnectionResponse>(
            detail::ResponseInfo{code, "", http::Version::Http11, std::move(fields), 0, uri,
                                 std::string(method)},
            Ref<detail::HttpConnection>())));
    }

    unsigned requests = 0;

private:
    void check(std::string_view method, const Uri& uri, const http::Headers& headers,
               const Ref<IBodyProducer>& body) {
        demand(uri.userInfo().empty(), "a redirect has no say in who asks");
        demand((method == "GET" || method == "HEAD") == !body, "a body goes with its method");
        demand(body || !headers.hasHeader("Content-Type"), "its fields go with the body");
        if (!last_) {
            return;
        }
        left_ = left_ || !last_->sameOrigin(uri);
        for (const char* name : kSensitive) {
            demand(!left_ || !headers.hasHeader(name), "credentials stay with their origin");
        }
        demand(options_.allowDowngrade || last_->scheme() != "https" || uri.scheme() != "http",
               "no way leads from https to http");
        demand(requests <= options_.redirectLimit, "redirectLimit");
    }

    std::string_view lines_;
    RedirectAgentOptions options_;
    std::size_t at_ = 0;
    std::optional<Uri> last_;
    bool left_ = false;
};

class Handle final : public AgentHandle {
public:
    explicit Handle(const Ref<Servers>& servers) : AgentHandle(Ref<IAgent>(servers.get())) {}
};

bool isRedirect(int code) {
    return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    marline::testing::hearFailures();
    marline::testing::Chooser input(data, size);
    const unsigned choice = input.takeByte();
    const RedirectAgentOptions options{.redirectLimit = choice % 7,
                                       .allowDowngrade = choice % 2 == 0,
                                       .sensitiveHeaders = {"X-Secret"}};
    const auto servers = makeRef<Servers>(input.rest(), options);
    constexpr const char* kMethods[] = {"GET", "HEAD", "POST", "PUT"};
    const std::string method = kMethods[choice / 4 % 4];
    const AgentHandle agent = choice / 16 % 2 == 0
                                  ? AgentHandle(RedirectAgent(Handle(servers), options))
                                  : AgentHandle(BrowserLikeRedirectAgent(Handle(servers), options));
    http::Headers headers{{"Authorization", "Basic bWU6cHc="},
                          {"Cookie", "a=b"},
                          {"Host", "a.test"},
                          {"X-Secret", "x"},
                          {"Accept", "*/*"}};
    Ref<IBodyProducer> body;
    if (method == "POST" || method == "PUT") {
        headers.addRawHeader("Content-Type", "text/plain");
        body = makeRef<StringBody>("hello");
    }
    bool fired = false;
    agent
        .request(method, choice / 32 % 2 == 0 ? "https://a.test/x" : "http://a.test:8080/x",
                 headers, std::move(body))
        .addBoth([&](const Result<Response>& end) {
            fired = true;
            unsigned trail = 0;
            if (end.ok()) {
                demand(!isRedirect(end.value().code()), "what can be followed is followed");
                for (const Response* r = &end.value(); r != nullptr; r = r->previousResponse()) {
                    ++trail;
                }
                demand(trail == servers->requests, "the trail is whole");
            } else {
                demand(end.failure().check<ResponseFailed>() != nullptr, "it is ResponseFailed");
                demand(marline::testing::isOneLine(end.failure().message()), "one line");
            }
        });
    demand(fired, "it comes to an end");
    return 0;
}
