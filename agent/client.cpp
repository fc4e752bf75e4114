#include <marline/agent/client.hpp>

#include <utility>

#include <marline/agent/auth_agent.hpp>
#include <marline/agent/content_decoder_agent.hpp>
#include <marline/agent/cookie_agent.hpp>
#include <marline/agent/errors.hpp>
#include <marline/agent/redirect_agent.hpp>
#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

Ref<IBodyProducer> multipart(const RequestOptions& options) {
    auto body = makeRef<MultipartBody>();
    for (const auto& [name, value] : options.form) {
        body->add(name, value);
    }
    for (const FormFile& file : options.files) {
        if (file.content) {
            body->add(file.name, makeRef<StringBody>(*file.content), file.contentType,
                      file.fileName.empty() ? file.name : file.fileName);
        } else {
            body->addFile(file.name, file.path, file.contentType, file.fileName);
        }
    }
    return body;
}

/// The one body that the options have; throws BadRequest for two.
Ref<IBodyProducer> bodyOf(const RequestOptions& options) {
    const bool form = !options.form.empty() || !options.files.empty();
    if ((options.json ? 1 : 0) + (form ? 1 : 0) + (options.body ? 1 : 0) > 1) {
        throw BadRequest("a request has one body: of json, form with files, and body give one");
    }
    if (options.json) {
        return typedBody(*options.json, "application/json");
    }
    if (!options.files.empty()) {
        return multipart(options);
    }
    return form ? formBody(options.form) : options.body;
}

Uri withParams(const Uri& uri, const FormFields& params) {
    if (params.empty()) {
        return uri;
    }
    const std::string own = uri.query().empty() ? "" : uri.query().substr(1);
    return uri.withQuery(own.empty() ? formEncoded(params) : own + "&" + formEncoded(params));
}

}  // namespace

class Client::Stack final : public RefCounted {
public:
    Stack(const AgentHandle& agent, IReactorTime& clock, ClientOptions options)
        : clock_(clock), options_(std::move(options)),
          cookies_(
              options_.onProgress ? ProgressAgent(agent, std::move(options_.onProgress)) : agent,
              jar_),
          direct_(cookies_, {.limits = options_.limits}),
          following_(BrowserLikeRedirectAgent(cookies_, {.redirectLimit = options_.redirectLimit}),
                     {.limits = options_.limits}) {}

    CookieJar& jar() const noexcept { return *jar_; }

    Deferred<ClientResponse> request(std::string_view method, const Uri& plain,
                                     const RequestOptions& options) {
        const Uri uri = withParams(plain, options.params);
        for (const auto& [name, value] : options.cookies) {
            jar_->add(StoredCookie{.name = name, .value = value, .domain = uri.host()});
        }
        http::Headers headers = options.headers;
        if (!options.auth.empty() && !headers.hasHeader("Authorization")) {
            const std::size_t colon = std::min(options.auth.find(':'), options.auth.size());
            headers.addRawHeader(
                "Authorization",
                basicAuthorization(options.auth.substr(0, colon),
                                   options.auth.substr(std::min(colon + 1, options.auth.size()))));
        }
        if (options_.onRequest) {
            options_.onRequest(method, uri, headers);
        }
        const AgentHandle& agent =
            options.followRedirects ? static_cast<const AgentHandle&>(following_) : direct_;
        Deferred<Response> answer = agent.request(method, uri, headers, bodyOf(options));
        if (options.timeout > Duration::zero()) {
            answer.addTimeout(options.timeout, clock_);
        }
        return answer.addCallback([self = Ref<Stack>(this)](const Response& response) {
            if (self->options_.onResponse) {
                self->options_.onResponse(response);
            }
            return ClientResponse(response);
        });
    }

private:
    ~Stack() override = default;

    IReactorTime& clock_;
    ClientOptions options_;
    Ref<CookieJar> jar_ = makeRef<CookieJar>();
    CookieAgent cookies_;
    ContentDecoderAgent direct_;
    ContentDecoderAgent following_;
};

const RequestOptions Client::kNoOptions;

Client::Client(Reactor& reactor, AgentOptions agent, ClientOptions options)
    : Client(Agent(reactor, std::move(agent)), reactor, std::move(options)) {}

Client::Client(const AgentHandle& agent, IReactorTime& clock, ClientOptions options)
    : stack_(makeRef<Stack>(agent, clock, std::move(options))) {}

Client::Client(const Client&) noexcept = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client other) noexcept {
    stack_.swap(other.stack_);
    return *this;
}
Client::~Client() = default;

CookieJar& Client::cookies() const noexcept { return stack_->jar(); }

Deferred<ClientResponse> Client::request(std::string_view method, std::string_view url,
                                         const RequestOptions& options) const {
    Result<Uri> uri = Uri::fromInput(url);
    if (!uri.ok()) {
        return fail<ClientResponse>(uri.failure());
    }
    return maybeDeferred([&] { return stack_->request(method, uri.value(), options); });
}

}  // namespace marline
