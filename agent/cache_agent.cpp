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
using detail::ResponseInfo;

bool isSafe(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

/// Whether a request is none that a cache can say anything to.
bool passes(std::string_view method, const http::Headers& headers, bool hasBody) {
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
        const bool passing = passes(method, headers, static_cast<bool>(body));
        if (passing || control.noStore) {
            return control.onlyIfCached ? notCached(method, uri)
                                        : pass(method, uri, headers, std::move(body));
        }
        Asked asked{std::string(method), uri, headers, detail::cacheKey(uri, headers),
                    index().now()};
        const Ref<CacheEntry> entry = index().find(asked.key, headers);
        if (entry && serves(control, *entry, asked.when)) {
            ++index().metrics.hits;
            return succeed(served(asked, entry));
        }
        if (control.onlyIfCached) {
            return notCached(method, uri);
        }
        return method == "GET" ? get(std::move(asked), entry) : head(std::move(asked), entry);
    }

private:
    /// A request on its way.
    struct Asked {
        std::string method;
        Uri uri;
        http::Headers headers;
        std::string key;
        http::HttpTime when;
    };

    detail::CacheIndex& index() const { return cache_->index(); }

    bool serves(const CacheControl& control, const CacheEntry& entry, http::HttpTime now) const {
        return detail::mayServe(
            control, detail::cacheControl(entry.info.headers),
            detail::freshnessLifetime(entry.info, entry.times, index().options.maxHeuristic),
            detail::currentAge(entry.info.headers, entry.times, now));
    }

    /// Passes a request on; one that changes something makes what is stored invalid (§4.4).
    Deferred<Response> pass(std::string_view method, const Uri& uri, const http::Headers& headers,
                            Ref<IBodyProducer> body) {
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
        index.drop(detail::cacheKey(uri, headers));
        for (const char* name : {"Location", "Content-Location"}) {
            const auto field = answer.headers().get(name);
            const Result<Uri> other = uri.resolve(field.value_or(""));
            if (field && other.ok() && other.value().sameOrigin(uri)) {
                index.drop(detail::cacheKey(other.value(), headers));
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
    Response served(const Asked& asked, const Ref<CacheEntry>& entry,
                    const http::Headers& fresh = {}) const {
        ResponseInfo info = entry->info;
        detail::addOnceOnly(info.headers, fresh);
        const auto age = detail::currentAge(info.headers, entry->times, index().now());
        info.headers.setRawHeaders("Age", {std::to_string(age.count())});
        info.uri = asked.uri;
        info.method = asked.method;
        const bool head = asked.method == "HEAD";
        info.length = head ? 0 : entry->body.size();
        return Response(
            makeRef<detail::StoredResponse>(std::move(info), head ? Ref<CacheEntry>() : entry));
    }

    /// Asks the server, about `entry` if there is one (§4.3.1).
    Deferred<Response> get(Asked asked, const Ref<CacheEntry>& entry) {
        http::Headers headers = asked.headers;
        const bool conditional = entry && detail::hasValidator(entry->info.headers);
        if (conditional) {
            if (const auto tag = entry->info.headers.get("ETag")) {
                headers.addRawHeader("If-None-Match", *tag);
            }
            if (const auto modified = entry->info.headers.get("Last-Modified")) {
                headers.addRawHeader("If-Modified-Since", *modified);
            }
        }
        Deferred<Response> response = inner_->request(asked.method, asked.uri, headers, {});
        return response.addCallback([self = Ref<Caching>(this), asked = std::move(asked),
                                     entry = conditional ? entry : Ref<CacheEntry>()](
                                        const Response& answer) -> Deferred<Response> {
            if (answer.code() == 304 && entry) {
                return self->revalidated(asked, entry, answer);
            }
            return succeed(self->kept(asked, answer));
        });
    }

    /// The server said that the stored response is still good; if it meant another one, it is
    /// asked for all of it.
    Deferred<Response> revalidated(const Asked& asked, const Ref<CacheEntry>& entry,
                                   const Response& answer) {
        if (!detail::sameRepresentation(entry->info.headers, answer.headers())) {
            index().drop(asked.key);
            return get(asked, {});
        }
        ++index().metrics.revalidated;
        detail::mergeFields(entry->info.headers, answer.headers());
        entry->times = {asked.when, index().now()};
        index().store(entry);
        return succeed(served(asked, entry, answer.headers()));
    }

    /// A full answer, on its way to the reader and maybe into the cache.
    Response kept(const Asked& asked, const Response& answer) const {
        ++index().metrics.misses;
        const bool fromHere = answer.previousResponse() == nullptr &&
                              detail::cacheKey(answer.uri(), asked.headers) == asked.key;
        if (!fromHere || !detail::mayStore(asked.headers, answer) ||
            answer.length().value_or(0) > index().options.maxBodyBytes) {
            if (answer.code() < 500) {
                index().drop(asked.key);  // what is there is out of date
            }
            return answer;
        }
        auto entry =
            makeRef<CacheEntry>(asked.key, infoOf(answer, detail::storedFields(answer.headers())));
        entry->chosenBy = detail::choosingFields(asked.headers, answer.headers());
        entry->times = {asked.when, index().now()};
        if (answer.length() == 0U) {
            index().store(entry);
            ++index().metrics.stored;
            return answer;
        }
        return Response(makeRef<detail::RecordedResponse>(infoOf(answer, answer.headers()), answer,
                                                          cache_, std::move(entry)));
    }

    /// HEAD asks for what is stored too (§4.3.5): other validators or another length make it
    /// invalid, the same ones make it fresh.
    Deferred<Response> head(Asked asked, const Ref<CacheEntry>& entry) {
        Deferred<Response> response = inner_->request(asked.method, asked.uri, asked.headers, {});
        return response.addCallback(
            [self = Ref<Caching>(this), asked = std::move(asked), entry](Response answer) {
                ++self->index().metrics.misses;
                if (entry && answer.code() == 200) {
                    self->compare(asked, entry, answer);
                }
                return answer;
            });
    }

    void compare(const Asked& asked, const Ref<CacheEntry>& entry, const Response& answer) const {
        const auto length = answer.headers().get("Content-Length");
        if ((length && *length != std::to_string(entry->body.size())) || entry->info.code != 200 ||
            !detail::sameRepresentation(entry->info.headers, answer.headers())) {
            index().drop(asked.key);
        } else if (detail::hasValidator(answer.headers())) {
            detail::mergeFields(entry->info.headers, answer.headers());
            entry->times = {asked.when, index().now()};
            index().store(entry);
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
