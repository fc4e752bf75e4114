#include <marline/reactor/caching_resolver.hpp>

#include <algorithm>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {
namespace {

constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Upper and lower case are the same (RFC 4343).
struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
        std::uint64_t hash = 14695981039346656037U;  // FNV-1a
        for (const char c : name) {
            hash = (hash ^ static_cast<unsigned char>(lower(c))) * 1099511628211U;
        }
        return static_cast<std::size_t>(hash);
    }
};
struct NameEqual {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                          [](char x, char y) { return lower(x) == lower(y); });
    }
};

std::vector<Address> withPort(std::vector<Address> addresses, std::uint16_t port) {
    for (Address& address : addresses) {
        address.port = port;
    }
    return addresses;
}

}  // namespace

/// What is known and what is asked. Answers that are under way hold it, the resolver too.
class CachingResolver::Cache final : public RefCounted {
public:
    Cache(IReactorTime& clock, Ref<IResolver> resolver, const CachingResolverOptions& options)
        : clock_(clock), resolver_(std::move(resolver)), options_(options) {}

    Deferred<std::vector<Address>> resolve(const std::string& name, std::uint16_t port);
    void clear() {
        index_.clear();
        known_.clear();
    }
    std::size_t size() const noexcept { return known_.size(); }
    /// Ends every question; nobody asks again.
    void close();

private:
    using Addresses = std::vector<Address>;
    struct Known {
        std::string name;
        Result<Addresses> outcome;
        Duration expires;
    };
    struct Asker {
        std::uint64_t id;
        std::uint16_t port;
        DeferredSource<Addresses> source;
    };
    struct Question {
        std::uint64_t id;  // that of its first asker
        std::vector<Asker> askers;
        std::optional<Deferred<>> asking;  // none while it runs inside of ask()
    };
    template <class Value>
    using ByName = std::unordered_map<std::string, Value, NameHash, NameEqual>;

    Deferred<Addresses> join(const std::string& name, std::uint16_t port);
    void ask(const std::string& name, std::uint16_t port, std::uint64_t id);
    void leave(const std::string& name, std::uint64_t id);
    void answered(const std::string& name, std::uint64_t id, Result<ResolvedAddresses> outcome);
    void remember(const std::string& name, const Result<Addresses>& outcome, Duration ttl);

    IReactorTime& clock_;
    Ref<IResolver> resolver_;
    CachingResolverOptions options_;
    std::list<Known> known_;  // those asked for last stand first
    std::unordered_map<std::string_view, std::list<Known>::iterator, NameHash, NameEqual> index_;
    ByName<Question> questions_;
    std::uint64_t nextAsker_ = 0;
};

Deferred<std::vector<Address>> CachingResolver::Cache::resolve(const std::string& name,
                                                               std::uint16_t port) {
    const auto found = index_.find(std::string_view(name));
    if (found != index_.end()) {
        const auto known = found->second;
        if (known->expires > clock_.seconds()) {
            known_.splice(known_.begin(), known_, known);
            return known->outcome.ok() ? succeed(withPort(known->outcome.value(), port))
                                       : fail<Addresses>(known->outcome.failure());
        }
        index_.erase(found);
        known_.erase(known);
    }
    return join(name, port);
}

Deferred<std::vector<Address>> CachingResolver::Cache::join(const std::string& name,
                                                            std::uint16_t port) {
    const std::uint64_t id = nextAsker_++;
    DeferredSource<Addresses> source(
        [self = this, name, id](Deferred<Addresses>) { self->leave(name, id); });
    Deferred<Addresses> result = source.deferred();
    const auto [question, fresh] = questions_.try_emplace(name, Question{id, {}, {}});
    question->second.askers.push_back({id, port, std::move(source)});
    if (fresh) {
        ask(name, port, id);
    }
    return result;
}

void CachingResolver::Cache::ask(const std::string& name, std::uint16_t port, std::uint64_t id) {
    const Ref<Cache> self(this);
    Deferred<> asking = maybeDeferred([&, resolver = resolver_] {
                            return resolver->resolveWithTtl(name, port);
                        }).addBoth([self, name, id](Result<ResolvedAddresses> outcome) {
        self->answered(name, id, std::move(outcome));
    });
    const auto question = questions_.find(name);
    if (question != questions_.end() && question->second.id == id) {
        question->second.asking = asking;
    }
}

/// One who asked does not wait any more; the last one to go ends the question.
void CachingResolver::Cache::leave(const std::string& name, std::uint64_t id) {
    const auto question = questions_.find(name);
    if (question == questions_.end()) {
        return;
    }
    std::vector<Asker>& askers = question->second.askers;
    const auto asker =
        std::find_if(askers.begin(), askers.end(), [&](const Asker& one) { return one.id == id; });
    if (asker == askers.end()) {
        return;
    }
    DeferredSource<Addresses> source = std::move(asker->source);
    askers.erase(asker);
    std::optional<Deferred<>> asking;
    if (askers.empty()) {
        asking = std::move(question->second.asking);
        questions_.erase(question);
    }
    source.errback(CancelledError("looking up " + name + " was cancelled"));
    if (asking) {
        asking->cancel();
    }
}

void CachingResolver::Cache::answered(const std::string& name, std::uint64_t id,
                                      Result<ResolvedAddresses> outcome) {
    const auto place = questions_.find(name);
    if (place == questions_.end() || place->second.id != id) {
        return;  // nobody waits for it any more
    }
    auto question = questions_.extract(place);
    Result<Addresses> kept = outcome.ok() ? Result<Addresses>(std::move(outcome.value().addresses))
                                          : Result<Addresses>(outcome.failure());
    if (kept.ok()) {
        remember(name, kept, std::min(outcome.value().ttl.value_or(options_.ttl), options_.maxTtl));
    } else if (kept.failure().check<DNSNameError>() != nullptr) {
        remember(name, kept, options_.negativeTtl);
    }
    for (Asker& asker : question.mapped().askers) {
        if (kept.ok()) {
            asker.source.callback(withPort(kept.value(), asker.port));
        } else {
            asker.source.errback(kept.failure());
        }
    }
}

void CachingResolver::Cache::remember(const std::string& name, const Result<Addresses>& outcome,
                                      Duration ttl) {
    if (options_.maxNames == 0 || ttl <= Duration::zero()) {
        return;
    }
    if (known_.size() >= options_.maxNames) {
        index_.erase(known_.back().name);
        known_.pop_back();
    }
    known_.push_front({name, outcome, later(clock_.seconds(), ttl)});
    index_.emplace(known_.front().name, known_.begin());
}

void CachingResolver::Cache::close() {
    resolver_.reset();
    for (auto& [name, question] : std::exchange(questions_, {})) {
        if (question.asking) {
            question.asking->cancel();
        }
    }
}

CachingResolver::CachingResolver(IReactorTime& clock, Ref<IResolver> resolver,
                                 CachingResolverOptions options)
    : cache_(makeRef<Cache>(clock, std::move(resolver), options)) {}

CachingResolver::~CachingResolver() { cache_->close(); }

Deferred<std::vector<Address>> CachingResolver::resolve(const std::string& name,
                                                        std::uint16_t port) {
    return cache_->resolve(name, port);
}

std::size_t CachingResolver::size() const noexcept { return cache_->size(); }

void CachingResolver::clear() { cache_->clear(); }

}  // namespace marline
