// Internal: not installed. The body of a proxied request, on its way to the server behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <marline/agent/body.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/http/request.hpp>

namespace marline::detail {

/// Passes on what the client brings, and lets it wait while nobody takes that. The client must have
/// been told to wait when this is made.
class ProxiedBody final : public IBodyProducer {
public:
    ProxiedBody(Ref<http::Request> request, std::optional<std::uint64_t> length)
        : request_(std::move(request)), length_(length) {}

    std::optional<std::uint64_t> length() const override { return length_; }
    Deferred<> startProducing(IBodyConsumer& consumer) override;

    /// More has come.
    void write(std::string_view piece);
    /// All has come.
    void finish();
    /// Nobody wants it any more: the rest is read and dropped.
    void drop();
    /// The request is over: it is let go of.
    void release();

private:
    /// Paces the client by the server behind.
    class Pace final : public IProducer {
    public:
        explicit Pace(ProxiedBody& body) : body_(body) {}
        void resumeProducing() override { body_.resumeClient(); }
        void pauseProducing() override { body_.pauseClient(); }
        void stopProducing() override { body_.drop(); }

    private:
        ProxiedBody& body_;
    };

    ~ProxiedBody() override = default;

    void pauseClient();
    void resumeClient();
    void leave();

    Ref<http::Request> request_;  // empty once it is over
    std::optional<std::uint64_t> length_;
    IBodyConsumer* consumer_ = nullptr;
    Pace pace_{*this};
    std::optional<DeferredSource<>> done_;
};

}  // namespace marline::detail
