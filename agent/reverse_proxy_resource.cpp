#include <marline/agent/reverse_proxy_resource.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

#include <marline/agent/body.hpp>
#include <marline/agent/detail/proxied_body.hpp>
#include <marline/agent/detail/proxied_exchange.hpp>
#include <marline/agent/detail/proxied_fields.hpp>
#include <marline/agent/detail/uri_text.hpp>
#include <marline/agent/uri.hpp>
#include <marline/protocols/http/body_sink.hpp>
#include <marline/protocols/http/detail/scan.hpp>
#include <marline/protocols/http/status.hpp>

namespace marline {
namespace {

constexpr int kLoopDetected = 508;

/// Takes the body of a request that is being passed on.
class ProxySink final : public http::BodySink {
public:
    ProxySink(Ref<detail::ProxiedExchange> exchange, Ref<detail::ProxiedBody> body,
              std::uint64_t most)
        : exchange_(std::move(exchange)), body_(std::move(body)), most_(most) {}

    std::uint64_t maxBody() const noexcept override { return most_; }
    void write(std::string_view piece) override { body_->write(piece); }
    void finish() override { body_->finish(); }
    detail::ProxiedExchange& exchange() const noexcept { return *exchange_; }

private:
    Ref<detail::ProxiedExchange> exchange_;
    Ref<detail::ProxiedBody> body_;
    std::uint64_t most_;
};

/// Whether a segment of a path would leave what is passed on, once somebody takes it apart: also
/// at a semicolon, as servlet containers do, or at a NUL.
bool climbs(std::string_view segment) {
    constexpr std::string_view kEnds(";\0", 2);
    while (true) {
        const std::size_t end = std::min(segment.find_first_of("/\\"), segment.size());
        const std::string_view whole = segment.substr(0, end);
        const std::string_view name = whole.substr(0, whole.find_first_of(kEnds));
        if (name == "." || name == "..") {
            return true;
        }
        if (end == segment.size()) {
            return false;
        }
        segment.remove_prefix(end + 1);
    }
}

/// Where the request goes. Throws HttpError for a path that would go elsewhere.
std::string targetOf(http::Request& request, const std::string& upstream) {
    const auto below = request.postpath();
    if (std::any_of(below.begin(), below.end(), climbs)) {
        throw http::HttpError(http::kBadRequest, "a path with dot segments is not passed on");
    }
    // What browsers send, and no URI has, like the brackets of `a[]=1`, is percent-encoded.
    constexpr std::string_view kRefused = "#[]";
    std::string uri = upstream;
    uri += detail::percentEncoded(request.pathBelow(), kRefused);
    if (request.uri().find('?') != std::string::npos) {
        uri.append("?").append(detail::percentEncoded(request.query(), kRefused));
    }
    return uri;
}

std::optional<std::uint64_t> lengthOf(const http::Request& request) {
    const auto field = request.getHeader("Content-Length");
    std::uint64_t length = 0;
    if (!field ||
        std::from_chars(field->data(), field->data() + field->size(), length).ec != std::errc()) {
        return std::nullopt;
    }
    return length;
}

Ref<detail::ProxiedExchange> pass(http::Request& request, const AgentHandle& agent,
                                  const std::string& upstream, const ReverseProxyOptions& options,
                                  Ref<IBodyProducer> body, Ref<detail::ProxiedBody> streamed) {
    const std::string uri = targetOf(request, upstream);
    if (detail::timesPassed(request, options.via) >= options.maxPasses) {
        throw http::HttpError(kLoopDetected, "the request goes round: it has passed '" +
                                                 options.via +
                                                 "' ReverseProxyOptions::maxPasses times");
    }
    auto exchange = makeRef<detail::ProxiedExchange>(Ref<http::Request>(&request), options.via);
    exchange->begin(agent, uri,
                    detail::forwardedRequest(request, options.via, options.preserveHost,
                                             options.trustForwarded),
                    std::move(body), std::move(streamed));
    return exchange;
}

}  // namespace

ReverseProxyResource::ReverseProxyResource(const AgentHandle& agent, std::string_view upstream,
                                           ReverseProxyOptions options)
    : agent_(agent), upstream_(upstream), options_(std::move(options)) {
    const Uri uri = Uri::parse(upstream).value();
    if ((uri.scheme() != "http" && uri.scheme() != "https") || !uri.query().empty() ||
        !uri.fragment().empty()) {
        throw UriError("a reverse proxy passes on to an http: or https: URI without a query, not " +
                       uri.toString());
    }
    if (upstream_.ends_with('/')) {
        upstream_.pop_back();
    }
    if (!http::detail::isToken(options_.via)) {
        throw std::invalid_argument("ReverseProxyOptions::via is no token: " + options_.via);
    }
}

Ref<http::BodySink> ReverseProxyResource::bodySink(http::Request& request) {
    if (detail::forwardsLeft(request) == 0U) {
        return {};  // render() answers it
    }
    const std::optional<std::uint64_t> length = lengthOf(request);
    if (length > options_.maxBody) {
        throw http::HttpError(http::kContentTooLarge,
                              "the body is larger than ReverseProxyOptions::maxBody");
    }
    request.pauseBody();
    auto body = makeRef<detail::ProxiedBody>(Ref<http::Request>(&request), length);
    Ref<detail::ProxiedExchange> exchange =
        pass(request, agent_, upstream_, options_, Ref<IBodyProducer>(body.get()), body);
    return makeRef<ProxySink>(std::move(exchange), std::move(body), options_.maxBody);
}

http::Rendered ReverseProxyResource::render(http::Request& request) {
    if (detail::forwardsLeft(request) == 0U) {
        return request.method() == "OPTIONS" ? renderOptions(request)
                                             : http::Rendered(http::MethodNotAllowed{});
    }
    // Who yielded this one by a Deferred may have taken the body its own way.
    if (const Ref<http::BodySink> sink = request.bodySink()) {
        auto* const own = dynamic_cast<ProxySink*>(sink.get());
        if (own == nullptr) {
            throw http::HttpError(http::kInternalServerError,
                                  "the body went to the sink of another resource");
        }
        own->exchange().ready();
    } else {
        Ref<IBodyProducer> body;
        if (!request.content().empty()) {
            body = makeRef<StringBody>(request.content());
        }
        pass(request, agent_, upstream_, options_, std::move(body), {})->ready();
    }
    return http::NotDoneYet{};
}

}  // namespace marline
