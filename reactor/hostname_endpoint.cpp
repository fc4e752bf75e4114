#include <marline/reactor/hostname_endpoint.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/resolver.hpp>

namespace marline {
namespace {

/// The families by turns, the first one's first (RFC 8305 §4).
std::vector<Address> interleaved(const std::vector<Address>& addresses) {
    std::vector<Address> first;
    std::vector<Address> second;
    for (const Address& address : addresses) {
        (address.kind == addresses.front().kind ? first : second).push_back(address);
    }
    std::vector<Address> mixed;
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) {
            mixed.push_back(first[i]);
        }
        if (i < second.size()) {
            mixed.push_back(second[i]);
        }
    }
    return mixed;
}

/// Why an attempt failed, in few words.
std::string briefly(const Failure& why) {
    if (why.check<ConnectionRefusedError>() != nullptr) {
        return "refused";
    }
    const std::string message = why.message();
    const std::size_t marker = message.find(" failed: ");
    return marker == std::string::npos ? message : message.substr(marker + 9);
}

/// One connect() under way.
class Attempts final : public RefCounted {
public:
    Attempts(Reactor& reactor, std::string what, const HostnameEndpointOptions& options,
             Ref<IProtocolFactory> factory)
        : reactor_(reactor), what_(std::move(what)), options_(options),
          factory_(std::move(factory)), source_([this](Deferred<Ref<IProtocol>> d) {
              const Ref<Attempts> alive(this);
              finish();
              if (!d.called()) {
                  d.errback(CancelledError("connecting to " + what_ + " was cancelled"));
              }
          }) {}

    Deferred<Ref<IProtocol>> begin(const std::string& host, std::uint16_t port) {
        const Ref<Attempts> self(this);
        Deferred<Ref<IProtocol>> result = source_.deferred();
        started_ = reactor_.seconds();
        deadline_ = reactor_.callLater(options_.timeout, [self] { self->timeUp(); });
        Address literal;
        Deferred<std::vector<Address>> resolving =
            parseNumericAddress(host, port, literal) ? succeed(std::vector<Address>{literal})
                                                     : reactor_.nameResolver()->resolve(host, port);
        resolving_ = resolving;
        resolving.addCallbacks(
            [self](const std::vector<Address>& addresses) {
                self->resolving_.reset();
                self->resolved(addresses);
            },
            [self](const Failure& why) {
                self->resolving_.reset();
                self->end(why);
            });
        return result;
    }

private:
    struct Attempt {
        std::size_t index;
        Deferred<Ref<IProtocol>> connecting;
    };

    void resolved(const std::vector<Address>& addresses) {
        if (finished_) {
            return;
        }
        if (addresses.empty()) {
            end(DNSLookupError("connect to " + what_ + " failed: the name has no address"));
            return;
        }
        addresses_ = interleaved(addresses);
        outcomes_.resize(addresses_.size());
        tryNext();
    }

    void tryNext() {
        if (finished_ || next_ == addresses_.size()) {
            return;
        }
        const std::size_t index = next_++;
        const Ref<Attempts> self(this);
        Deferred<Ref<IProtocol>> connecting = reactor_.connectTcp(
            addresses_[index], factory_,
            ConnectOptions{.timeout = options_.timeout, .bindAddress = options_.bindAddress});
        running_.push_back({index, connecting});
        if (next_ < addresses_.size()) {
            stagger_ = reactor_.callLater(options_.attemptDelay, [self] { self->tryNext(); });
        }
        connecting.addCallbacks(
            [self, index](Ref<IProtocol> protocol) {
                self->forget(index);
                self->finish();
                self->source_.callback(std::move(protocol));
            },
            [self, index](const Failure& why) {
                self->forget(index);
                self->failed(index, why);
            });
    }

    void forget(std::size_t index) {
        std::erase_if(running_, [&](const Attempt& attempt) { return attempt.index == index; });
    }

    void failed(std::size_t index, const Failure& why) {
        outcomes_[index] = why;
        if (finished_) {
            return;
        }
        last_ = why;
        if (next_ < addresses_.size()) {
            if (stagger_.active()) {
                stagger_.cancel();
            }
            tryNext();
        } else if (running_.empty()) {
            endWithAttempts();
        }
    }

    /// All attempts failed: an error of the last one's type that names each.
    void endWithAttempts() {
        std::string text = "connect to " + what_ + " failed: ";
        for (std::size_t i = 0; i < addresses_.size(); ++i) {
            text += (i == 0 ? "" : "; ") + addresses_[i].toString() + " " +
                    (outcomes_[i] ? briefly(*outcomes_[i]) : "not tried");
        }
        if (last_->check<ConnectionRefusedError>() != nullptr) {
            end(ConnectionRefusedError(text));
        } else if (last_->check<ConnectTimeoutError>() != nullptr) {
            end(ConnectTimeoutError(text));
        } else if (last_->check<NoRouteError>() != nullptr) {
            end(NoRouteError(text));
        } else if (last_->check<ConnectError>() != nullptr) {
            end(ConnectError(text));
        } else {
            end(*last_);
        }
    }

    void timeUp() {
        const auto passed =
            std::chrono::duration_cast<std::chrono::milliseconds>(reactor_.seconds() - started_);
        const std::string within = std::to_string(passed.count()) + " ms (timeout)";
        if (resolving_) {
            end(ConnectTimeoutError("connect to " + what_ + " failed: no address within " +
                                    within));
            return;
        }
        std::string text = "connect to " + what_ + " failed: ";
        for (std::size_t i = 0; i < addresses_.size(); ++i) {
            const bool tried = i < next_;
            text += (i == 0 ? "" : "; ") + addresses_[i].toString() + " " +
                    (outcomes_[i] ? briefly(*outcomes_[i])
                                  : (tried ? "timed out after " + within : "not tried"));
        }
        end(ConnectTimeoutError(text));
    }

    void end(const Failure& why) {
        if (!finished_) {
            const Ref<Attempts> alive(this);
            finish();
            source_.errback(why);
        }
    }

    /// Stops all that is under way.
    void finish() {
        finished_ = true;
        for (DelayedCall* call : {&deadline_, &stagger_}) {
            if (call->active()) {
                call->cancel();
            }
        }
        if (std::optional<Deferred<std::vector<Address>>> resolving =
                std::exchange(resolving_, std::nullopt)) {
            resolving->cancel();
        }
        for (Attempt& attempt : std::exchange(running_, {})) {
            attempt.connecting.cancel();
        }
    }

    Reactor& reactor_;
    std::string what_;
    HostnameEndpointOptions options_;
    Ref<IProtocolFactory> factory_;
    Duration started_{};
    DelayedCall deadline_;
    DelayedCall stagger_;
    std::optional<Deferred<std::vector<Address>>> resolving_;
    std::vector<Address> addresses_;
    std::vector<std::optional<Failure>> outcomes_;
    std::vector<Attempt> running_;
    std::optional<Failure> last_;
    std::size_t next_ = 0;
    bool finished_ = false;
    DeferredSource<Ref<IProtocol>> source_;
};

}  // namespace

Deferred<Ref<IProtocol>> HostnameEndpoint::connect(Ref<IProtocolFactory> factory) {
    const bool v6 = host_.find(':') != std::string::npos;
    const std::string what = (v6 ? "[" + host_ + "]" : host_) + ":" + std::to_string(port_);
    auto attempts = makeRef<Attempts>(reactor_, what, options_, std::move(factory));
    return attempts->begin(host_, port_);
}

}  // namespace marline
