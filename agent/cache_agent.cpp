#include <marline/agent/cache_agent.hpp>

#include <string>
#include <string_view>
#include <utility>

#include <marline/agent/detail/cache_index.hpp>
#include <marline/agent/detail/cache_rules.hpp>
#include <marline/agent/detail/stored_response.hpp>
#include <marline/deferred/succeed.hpp>

namespace marline {
namespace {

using detail::CacheControl;
using detail::CacheEntry;
using detail::CacheRequest;
using detail::ResponseInfo;

bool isSafe(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

/// Whether a request is none that a cache can say anything to.
bool isForServer(std::string_view method, const http::Headers& headers, bool hasBody) {
    if ((method != "GET" && method != "HEAD") || hasBody) {
        return true;
    }
    for (const char* name : {"Range", "If-None-Match", "If-Modified-Since", "If-Match",
                             "If-Unmodified-Since", "If-Range", "Upgrade"}) {
        if (headers.hasHeader(name)) {
            return true;
        }
    }
    return false;
}

ResponseInfo infoOf(const Response& response, http::Headers headers) {
    return {response.code(),   response.phrase(), response.version(), std::move(headers),
            response.length(), response.uri(),    response.method()};
}

class Caching final : public IAgent {
public:
    Caching(Ref<IAgent> inner, Ref<ResponseCache> cache)
        : inner_(std::move(inner)), cache_(std::move(cache)) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        const CacheControl control = detail::cacheControl(headers);
        if (isForServer(method, headers, static_cast<bool>(body)) || control.noStore) {
            return control.onlyIfCached ? notCached(method, uri)
                                        : forward(method, uri, headers, std::move(body));
        }
        std::string key = detail::cacheKey(uri, headers);
        const Ref<CacheEntry> entry = index().find(key, headers);
        if (entry && serves(control, *entry)) {
            ++index().metrics.hits;
            return succeed(served(method, uri, entry));
        }
        if (control.onlyIfCached) {
            return notCached(method, uri);
        }
        auto asked = makeRef<CacheRequest>(cache_, std::move(key), method, uri, headers);
        return method == "GET" ? get(asked, entry) : head(asked, entry);
    }

private:
    detail::CacheIndex& index() const { return cache_->index(); }

    bool serves(const CacheControl& control, const CacheEntry& entry) const {
        return detail::mayServe(
            control, detail::cacheControl(entry.info.headers),
            detail::freshnessLifetime(entry.info, entry.times, index().options.maxHeuristic),
            detail::currentAge(entry.info.headers, entry.times, index().now()));
    }

    /// Passes a request on; one that changes something makes what is stored invalid (§4.4).
    Deferred<Response> forward(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) {
        Deferred<Response> response = inner_->request(method, uri, headers, std::move(body));
        if (isSafe(method)) {
            return response;
        }
        return response.addCallback([cache = cache_, uri, headers](Response answer) {
            if (answer.code() < 400) {
                invalidate(cache->index(), uri, headers, answer);
            }
            return answer;
        });
    }

    static void invalidate(detail::CacheIndex& index, const Uri& uri, const http::Headers& headers,
                           const Response& answer) {
        index.invalidate(detail::cacheKey(uri, headers));
        for (const char* name : {"Location", "Content-Location"}) {
            const auto field = answer.headers().get(name);
            const Result<Uri> other = uri.resolve(field.value_or(""));
            if (field && other.ok() && other.value().sameOrigin(uri)) {
                index.invalidate(detail::cacheKey(other.value(), headers));
            }
        }
    }

    /// RFC 9111 §5.2.1.7.
    static Deferred<Response> notCached(std::string_view method, const Uri& uri) {
        return succeed(Response(makeRef<detail::StoredResponse>(
            ResponseInfo{
                504, "Gateway Timeout", http::Version::Http11, {}, 0, uri, std::string(method)},
            Ref<CacheEntry>())));
    }

    /// What is stored; `fresh` are the fields of the answer that made it good again.
    Response served(std::string_view method, const Uri& uri, const Ref<CacheEntry>& entry,
                    const http::Headers& fresh = {}) const {
        ResponseInfo info = entry->info;
        detail::addOnceOnly(info.headers, fresh);
        const auto age = detail::currentAge(info.headers, entry->times, index().now());
        info.headers.setRawHeaders("Age", {std::to_string(age.count())});
        info.uri = uri;
        info.method = method;
        const bool head = method == "HEAD";
        info.length = head ? 0 : entry->body.size();
        return Response(
            makeRef<detail::StoredResponse>(std::move(info), head ? Ref<CacheEntry>() : entry));
    }

    /// Asks the server, about `entry` if there is one (§4.3.1).
    Deferred<Response> get(const Ref<CacheRequest>& asked, const Ref<CacheEntry>& entry) {
        http::Headers headers = asked->headers;
        const bool conditional = entry && detail::hasValidator(entry->info.headers);
        if (conditional) {
            if (const auto tag = entry->info.headers.get("ETag")) {
                headers.addRawHeader("If-None-Match", *tag);
            }
            if (const auto modified = entry->info.headers.get("Last-Modified")) {
                headers.addRawHeader("If-Modified-Since", *modified);
            }
        }
        Deferred<Response> response = inner_->request(asked->method, asked->uri, headers, {});
        return response.addCallback(
            [self = Ref<Caching>(this), asked, entry = conditional ? entry : Ref<CacheEntry>()](
                const Response& answer) -> Deferred<Response> {
                if (answer.code() == 304 && entry) {
                    return self->revalidated(asked, entry, answer);
                }
                return succeed(self->kept(asked, answer));
            });
    }

    /// The server said that the stored response is still good; if it meant another one, it is
    /// asked for all of it.
    Deferred<Response> revalidated(const Ref<CacheRequest>& asked, const Ref<CacheEntry>& entry,
                                   const Response& answer) {
        if (!detail::sameRepresentation(entry->info.headers, answer.headers())) {
            index().drop(*asked);
            return get(asked, {});
        }
        ++index().metrics.revalidated;
        freshen(*asked, entry, answer);
        return succeed(served(asked->method, asked->uri, entry, answer.headers()));
    }

    /// Takes over what the server says of a stored response now, which may be that it is not to
    /// be kept, or what chooses it (§3.2).
    void freshen(const CacheRequest& asked, const Ref<CacheEntry>& entry,
                 const Response& answer) const {
        detail::mergeFields(entry->info.headers, answer.headers());
        entry->times = {asked.when, index().now()};
        if (!detail::mayKeep(entry->info.headers)) {
            index().drop(asked);
            return;
        }
        entry->chosenBy = detail::choosingFields(asked.headers, entry->info.headers);
        index().store(entry, asked);
    }

    /// A full answer, on its way to the reader and maybe into the cache.
    Response kept(const Ref<CacheRequest>& asked, const Response& answer) const {
        ++index().metrics.misses;
        const detail::ResponseTimes times{asked->when, index().now()};
        const bool fromHere = answer.previousResponse() == nullptr &&
                              detail::cacheKey(answer.uri(), asked->headers) == asked->key;
        if (!fromHere || !detail::mayStore(asked->headers, answer, times) ||
            answer.length().value_or(0) > index().options.maxBodyBytes) {
            if (replaces(answer.code())) {
                index().drop(*asked);
            }
            return answer;
        }
        auto entry =
            makeRef<CacheEntry>(asked->key, infoOf(answer, detail::storedFields(answer.headers())));
        entry->chosenBy = detail::choosingFields(asked->headers, answer.headers());
        entry->times = times;
        if (answer.length() == 0U) {
            index().metrics.stored += index().store(entry, *asked) ? 1 : 0;
            return answer;
        }
        return Response(makeRef<detail::RecordedResponse>(infoOf(answer, answer.headers()), answer,
                                                          asked, std::move(entry)));
    }

    /// Whether an answer that is not kept says that what is stored is out of date: not a part, nor
    /// that the server would not answer now.
    static bool replaces(int code) noexcept {
        return code < 500 && code != 206 && code != 408 && code != 429;
    }

    /// HEAD asks for what is stored too (§4.3.5): other validators or another length make it
    /// invalid, the same ones make it fresh.
    Deferred<Response> head(const Ref<CacheRequest>& asked, const Ref<CacheEntry>& entry) {
        Deferred<Response> response =
            inner_->request(asked->method, asked->uri, asked->headers, {});
        return response.addCallback([self = Ref<Caching>(this), asked, entry](Response answer) {
            ++self->index().metrics.misses;
            if (entry && answer.code() == 200) {
                self->compare(*asked, entry, answer);
            }
            return answer;
        });
    }

    void compare(const CacheRequest& asked, const Ref<CacheEntry>& entry,
                 const Response& answer) const {
        const auto length = answer.headers().get("Content-Length");
        if ((length && *length != std::to_string(entry->body.size())) || entry->info.code != 200 ||
            !detail::sameRepresentation(entry->info.headers, answer.headers())) {
            index().drop(asked);
        } else if (detail::hasValidator(answer.headers())) {
            freshen(asked, entry, answer);
        }
    }

    Ref<IAgent> inner_;
    Ref<ResponseCache> cache_;
};

}  // namespace

ResponseCache::ResponseCache(ResponseCacheOptions options)
    : index_(std::make_unique<detail::CacheIndex>(std::move(options))) {}
ResponseCache::~ResponseCache() = default;

ResponseCacheMetrics ResponseCache::metrics() const noexcept { return index_->metrics; }
void ResponseCache::clear() noexcept { index_->clear(); }

CacheAgent::CacheAgent(const AgentHandle& agent, Ref<ResponseCache> cache)
    : AgentHandle(makeRef<Caching>(agent.agent(), std::move(cache))) {}

}  // namespace marline
