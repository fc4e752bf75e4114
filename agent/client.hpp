// Client: requests in one call, with cookies, redirects and decoding (treq's HTTPClient).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/agent/agent.hpp>
#include <marline/agent/body.hpp>
#include <marline/agent/cookie_jar.hpp>
#include <marline/agent/progress_agent.hpp>
#include <marline/agent/request_bodies.hpp>
#include <marline/agent/response.hpp>
#include <marline/deferred/function.hpp>
#include <marline/protocols/http/content_decoder.hpp>

namespace marline {

/// A file of a multipart body.
struct FormFile {
    std::string name;                         ///< The field's.
    std::string path = {};                    ///< Where it is on disk…
    std::optional<std::string> content = {};  ///< …or what is in it.
    std::string contentType = "application/octet-stream";
    std::string fileName = {};  ///< Empty: the path's last part, or the field's name.
};

/// What a request of a Client has besides its URL. Of `json`, `form` with `files`, and `body` one.
struct RequestOptions {
    /// Added to the URL's query, form-encoded; a name may occur more than once.
    FormFields params = {};
    http::Headers headers = {};
    /// A text of JSON, sent as application/json.
    std::optional<std::string> json = {};
    /// Sent form-encoded; as multipart/form-data when there are `files`.
    FormFields form = {};
    std::vector<FormFile> files = {};
    Ref<IBodyProducer> body = {};
    /// `user:password` for Basic; not sent to other origins.
    std::string auth = {};
    /// Put into the client's jar, for the URL's host alone, before the request.
    FormFields cookies = {};
    /// Time until the response's head is there; zero: the agent's own limits alone.
    Duration timeout = Duration::zero();
    bool followRedirects = true;
};

/// How a Client is made.
struct ClientOptions {
    unsigned redirectLimit = 20;
    /// What compressed bodies may decode to.
    http::DecodeLimits limits = {};
    /// Called with each request before it goes, and may change its fields; and with each response.
    /// Redirects are not seen here.
    UniqueFunction<void(std::string_view method, const Uri& uri, http::Headers& headers)>
        onRequest = nullptr;
    UniqueFunction<void(const Response& response)> onResponse = nullptr;
    /// Called with every piece of a body that goes over the wire, those of redirected requests
    /// too: see ProgressAgent.
    OnProgress onProgress = nullptr;
};

/// The status is 400 or more.
class MARLINE_API StatusError : public Error {
public:
    StatusError(int code, const std::string& message) : Error(message), code_(code) {}
    int code() const noexcept { return code_; }

private:
    int code_;
};

/// A response whose body may be read more than once (treq: `_Response`). A handle.
class MARLINE_API ClientResponse : public Response {
public:
    explicit ClientResponse(const Response& response);
    ClientResponse(const ClientResponse&) noexcept;
    ClientResponse(ClientResponse&&) noexcept;
    ClientResponse& operator=(ClientResponse) noexcept;
    ~ClientResponse();

    /// The whole body; every call gets all of it. Fails as readBody() does; the first call decides
    /// about `maxBytes`. Cancelling stops only this call's waiting.
    Deferred<std::string> content(std::size_t maxBytes = kMaxBodyBytes) const;

    /// The body as UTF-8: from the charset of Content-Type, UTF-8 for JSON, else `charset`. Fails
    /// with Error when the charset is not known, or the body is not of it.
    Deferred<std::string> text(std::string charset = "ISO-8859-1") const;

    /// The redirects that led here, the first one first (TQ: `history`).
    std::vector<Response> history() const;

private:
    class Content;
    Ref<Content> content_;
};

/// Fails with StatusError when the status is 400 or more; for chains:
///
///     client.get(url).addCallback(raiseForStatus).addCallback(…)
MARLINE_API Result<ClientResponse> raiseForStatus(const ClientResponse& response);

/// Makes requests by one call each, through an Agent with cookies, browser-like redirects and
/// decoding around it. A handle; copies share connections and cookies.
///
///     Client client{reactor};
///     client.post("https://example.org/", {.json = R"({"a": 1})"})
///         .addCallback(raiseForStatus)
///         .addCallback([](const ClientResponse& response) { return response.text(); })
///         .addCallback([](const std::string& text) { std::cout << text; });
class MARLINE_API Client {
public:
    explicit Client(Reactor& reactor, AgentOptions agent = {}, ClientOptions options = {});
    /// Over an agent of the caller's; `clock` counts RequestOptions::timeout.
    Client(const AgentHandle& agent, IReactorTime& clock, ClientOptions options = {});
    Client(const Client&) noexcept;
    Client(Client&&) noexcept;
    Client& operator=(Client) noexcept;
    ~Client();

    /// Sends one request. The URL may be as it is typed. Fails as Agent does, with TimeoutError
    /// behind `timeout`, and with BadRequest for more than one kind of body.
    Deferred<ClientResponse> request(std::string_view method, std::string_view url,
                                     const RequestOptions& options = kNoOptions) const;

    Deferred<ClientResponse> get(std::string_view url,
                                 const RequestOptions& options = kNoOptions) const {
        return request("GET", url, options);
    }
    Deferred<ClientResponse> head(std::string_view url,
                                  const RequestOptions& options = kNoOptions) const {
        return request("HEAD", url, options);
    }
    Deferred<ClientResponse> post(std::string_view url,
                                  const RequestOptions& options = kNoOptions) const {
        return request("POST", url, options);
    }
    Deferred<ClientResponse> put(std::string_view url,
                                 const RequestOptions& options = kNoOptions) const {
        return request("PUT", url, options);
    }
    Deferred<ClientResponse> patch(std::string_view url,
                                   const RequestOptions& options = kNoOptions) const {
        return request("PATCH", url, options);
    }
    /// DELETE.
    Deferred<ClientResponse> del(std::string_view url,
                                 const RequestOptions& options = kNoOptions) const {
        return request("DELETE", url, options);
    }

    /// The cookies of all requests.
    CookieJar& cookies() const noexcept;

private:
    class Stack;

    // No temporary: g++ 12 moves those wrongly into a coroutine that awaits twice in one
    // expression.
    static const RequestOptions kNoOptions;

    Ref<Stack> stack_;
};

}  // namespace marline
