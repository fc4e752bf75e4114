// Internal: not installed. Sends a BodyStream as the client takes it.
#pragma once

#include <optional>
#include <string>

#include <marline/deferred/deferred.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/body_stream.hpp>
#include <marline/protocols/http/request.hpp>
#include <marline/reactor/producer.hpp>

namespace marline::http::detail {

/// Writes one piece at each call of the connection, finishes the request at the end, and keeps
/// itself alive until then.
class StreamPump final : public RefCounted, public IProducer {
public:
    StreamPump(Ref<HttpChannel> channel, Ref<Request> request, Ref<BodyStream> stream);

    void start();

    void resumeProducing() override;
    void pauseProducing() override {}
    void stopProducing() override;

private:
    ~StreamPump() override = default;

    void arrived(Result<std::string> piece);
    void failed(const Failure& why);

    Ref<HttpChannel> channel_;
    Ref<Request> request_;
    Ref<BodyStream> stream_;  // empty once it has ended
    std::optional<Deferred<std::string>> waiting_;
    Ref<StreamPump> self_;
};

}  // namespace marline::http::detail
