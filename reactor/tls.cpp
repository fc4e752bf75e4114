#include <marline/reactor/tls.hpp>

#include <optional>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/detail/tls_layer.hpp>
#include <marline/reactor/log.hpp>

namespace marline {
namespace {

using detail::TlsLayer;

class TlsServerFactory final : public IProtocolFactory {
public:
    TlsServerFactory(TlsContext context, IReactorTime& clock, Ref<IProtocolFactory> factory,
                     Duration timeout)
        : context_(std::move(context)), clock_(clock), factory_(std::move(factory)),
          timeout_(timeout) {}

    Ref<IProtocol> buildProtocol(const Address& peer) override {
        Ref<IProtocol> above = factory_->buildProtocol(peer);
        if (!above) {
            return {};
        }
        return makeRef<TlsLayer>(context_, std::string(), clock_, timeout_, std::move(above),
                                 [](Result<Ref<IProtocol>> outcome) {
                                     if (!outcome.ok()) {
                                         log(LogLevel::Info, outcome.failure().message());
                                     }
                                 });
    }
    void doStart() override { factory_->doStart(); }
    void doStop() override { factory_->doStop(); }

private:
    TlsContext context_;
    IReactorTime& clock_;
    Ref<IProtocolFactory> factory_;
    Duration timeout_;
};

/// One connect() of a TLS endpoint: its Deferred, and what to stop when that is cancelled.
class Connecting final : public RefCounted {
public:
    Connecting()
        : source_([this](Deferred<Ref<IProtocol>>) {
              const Ref<Connecting> alive(this);
              if (layer_) {
                  layer_->abortConnection();
              } else if (below_) {
                  Deferred<Ref<IProtocol>> below = *below_;
                  below.cancel();
              }
          }) {}

    Deferred<Ref<IProtocol>> begin(IStreamClientEndpoint& endpoint, Ref<IProtocolFactory> factory) {
        Deferred<Ref<IProtocol>> result = source_.deferred();
        Deferred<Ref<IProtocol>> below = endpoint.connect(std::move(factory));
        if (!below.called()) {
            below_ = below;
        }
        below.addCallbacks(
            [self = Ref<Connecting>(this)](const Ref<IProtocol>&) { self->below_.reset(); },
            [self = Ref<Connecting>(this)](const Failure& why) { self->end(why); });
        return result;
    }

    void started(Ref<TlsLayer> layer) { layer_ = std::move(layer); }

    void end(Result<Ref<IProtocol>> outcome) {
        const Ref<Connecting> alive(this);
        below_.reset();
        layer_.reset();
        if (!source_.pending()) {
            return;
        }
        if (outcome.ok()) {
            source_.callback(std::move(outcome).value());
        } else {
            source_.errback(outcome.failure());
        }
    }

private:
    std::optional<Deferred<Ref<IProtocol>>> below_;
    Ref<TlsLayer> layer_;
    DeferredSource<Ref<IProtocol>> source_;
};

class TlsClientFactory final : public IProtocolFactory {
public:
    TlsClientFactory(TlsContext context, std::string host, IReactorTime& clock, Duration timeout,
                     Ref<IProtocolFactory> factory, Ref<Connecting> connecting)
        : context_(std::move(context)), host_(std::move(host)), clock_(clock), timeout_(timeout),
          factory_(std::move(factory)), connecting_(std::move(connecting)) {}

    Ref<IProtocol> buildProtocol(const Address& peer) override {
        Ref<IProtocol> above = factory_->buildProtocol(peer);
        if (!above) {
            return {};
        }
        auto layer = makeRef<TlsLayer>(context_, host_, clock_, timeout_, std::move(above),
                                       [connecting = connecting_](Result<Ref<IProtocol>> outcome) {
                                           connecting->end(std::move(outcome));
                                       });
        connecting_->started(layer);
        return layer;
    }
    void doStart() override { factory_->doStart(); }
    void doStop() override { factory_->doStop(); }

private:
    TlsContext context_;
    std::string host_;
    IReactorTime& clock_;
    Duration timeout_;
    Ref<IProtocolFactory> factory_;
    Ref<Connecting> connecting_;
};

class TlsEndpoint final : public IStreamClientEndpoint {
public:
    TlsEndpoint(IReactorTime& clock, TlsContext context, std::string host,
                Ref<IStreamClientEndpoint> below, Duration timeout)
        : clock_(clock), context_(std::move(context)), host_(std::move(host)),
          below_(std::move(below)), timeout_(timeout) {}

    Deferred<Ref<IProtocol>> connect(Ref<IProtocolFactory> factory) override {
        auto connecting = makeRef<Connecting>();
        return connecting->begin(*below_,
                                 makeRef<TlsClientFactory>(context_, host_, clock_, timeout_,
                                                           std::move(factory), connecting));
    }

private:
    IReactorTime& clock_;
    TlsContext context_;
    std::string host_;
    Ref<IStreamClientEndpoint> below_;
    Duration timeout_;
};

}  // namespace

Ref<IProtocolFactory> tlsServerFactory(TlsContext context, IReactorTime& clock,
                                       Ref<IProtocolFactory> factory, Duration handshakeTimeout) {
    return makeRef<TlsServerFactory>(std::move(context), clock, std::move(factory),
                                     handshakeTimeout);
}

Ref<IStreamClientEndpoint> wrapClientTls(IReactorTime& clock, TlsContext context, std::string host,
                                         Ref<IStreamClientEndpoint> endpoint,
                                         Duration handshakeTimeout) {
    return makeRef<TlsEndpoint>(clock, std::move(context), std::move(host), std::move(endpoint),
                                handshakeTimeout);
}

void startTls(ITransport& transport, const TlsContext& context, IReactorTime& clock,
              const std::string& host, Duration handshakeTimeout) {
    makeRef<TlsLayer>(context, host, clock, handshakeTimeout, Ref<IProtocol>(),
                      TlsLayer::Established())
        ->takeOver(transport);
}

}  // namespace marline
