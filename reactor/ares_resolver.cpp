#include <marline/reactor/ares_resolver.hpp>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/ares_channel.hpp>
#include <marline/reactor/detail/reactor_parts.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {

/// The channel, what is asked, and what is known.
class AresResolver::Channel {
public:
    Channel(Reactor& reactor, const AresResolverOptions& options)
        : reactor_(reactor), options_(options), ares_(reactor.parts().loop, options) {}

    Deferred<std::vector<Address>> resolve(const std::string& name, std::uint16_t port) {
        if (ares_.status() != ARES_SUCCESS) {
            return fail<std::vector<Address>>(refusal(name, ares_.status()));
        }
        const auto known = cache_.find(name);
        if (known != cache_.end() && known->second.expires > reactor_.seconds()) {
            return known->second.status == ARES_SUCCESS
                       ? succeed(withPort(known->second.addresses, port))
                       : fail<std::vector<Address>>(refusal(name, known->second.status));
        }
        // Cancelling only takes its waiter away: the answer is welcome in the cache all the same.
        std::vector<Waiter>& waiters = asked_[name];
        waiters.push_back({port, DeferredSource<std::vector<Address>>()});
        Deferred<std::vector<Address>> result = waiters.back().source.deferred();
        if (waiters.size() == 1) {
            ares_.lookUp(
                name, [this, name](const detail::AresAnswer& answer) { answered(name, answer); });
        }
        return result;
    }

private:
    struct Waiter {
        std::uint16_t port;
        DeferredSource<std::vector<Address>> source;
    };
    struct Known {
        int status;
        std::vector<Address> addresses;
        Duration expires;
    };

    static std::vector<Address> withPort(std::vector<Address> addresses, std::uint16_t port) {
        for (Address& address : addresses) {
            address.port = port;
        }
        return addresses;
    }

    Failure refusal(const std::string& name, int status) const {
        return Failure::make<DNSLookupError>("address of " + name +
                                             " not found: " + ares_strerror(status) + " (asked " +
                                             ares_.servers() + ")");
    }

    void answered(const std::string& name, const detail::AresAnswer& answer) {
        Known known{answer.status, {}, {}};
        Duration ttl = options_.maxTtl;
        if (answer.status == ARES_SUCCESS) {
            for (const ares_addrinfo_node* node = answer.info->nodes; node != nullptr;
                 node = node->ai_next) {
                known.addresses.push_back(Address::fromSockaddr(node->ai_addr, node->ai_addrlen));
                ttl = std::min<Duration>(ttl, std::chrono::seconds(std::max(node->ai_ttl, 0)));
            }
            if (known.addresses.empty()) {
                known.status = ARES_ENODATA;
            }
        }
        const bool sure = known.status == ARES_SUCCESS || known.status == ARES_ENOTFOUND ||
                          known.status == ARES_ENODATA;
        if (sure) {
            known.expires =
                reactor_.seconds() + (known.status == ARES_SUCCESS ? ttl : options_.negativeTtl);
            remember(name, known);
        }
        std::vector<Waiter> waiters = std::move(asked_.extract(name).mapped());
        const Failure why = refusal(name, known.status);
        for (Waiter& waiter : waiters) {
            if (!waiter.source.pending()) {
                continue;
            }
            if (known.status == ARES_SUCCESS) {
                waiter.source.callback(withPort(known.addresses, waiter.port));
            } else {
                waiter.source.errback(why);
            }
        }
    }

    void remember(const std::string& name, const Known& known) {
        if (cache_.size() >= options_.cacheSize) {
            const Duration now = reactor_.seconds();
            std::erase_if(cache_, [&](const auto& entry) { return entry.second.expires <= now; });
            if (cache_.size() >= options_.cacheSize) {
                cache_.clear();
            }
        }
        cache_.insert_or_assign(name, known);
    }

    Reactor& reactor_;
    const AresResolverOptions& options_;
    std::unordered_map<std::string, std::vector<Waiter>> asked_;
    std::unordered_map<std::string, Known> cache_;
    detail::AresChannel ares_;
};

AresResolver::AresResolver(Reactor& reactor, AresResolverOptions options)
    : reactor_(reactor), options_(std::move(options)) {}

AresResolver::~AresResolver() = default;

Deferred<std::vector<Address>> AresResolver::resolve(const std::string& name, std::uint16_t port) {
    Address literal;
    if (parseNumericAddress(name, port, literal)) {
        return succeed(std::vector<Address>{std::move(literal)});
    }
    if (!channel_) {
        channel_ = std::make_unique<Channel>(reactor_, options_);
    }
    return channel_->resolve(name, port);
}

}  // namespace marline
