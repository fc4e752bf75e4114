#include <marline/agent/body.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <marline/agent/errors.hpp>
#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

namespace marline {
namespace {

/// Collects a body up to a limit.
class BodyCollector final : public IProtocol {
public:
    explicit BodyCollector(const Response& response, std::size_t maxBytes)
        : uri_(response.uri()), code_(response.code()), maxBytes_(maxBytes),
          source_([this](Deferred<std::string> d) {
              const Ref<BodyCollector> alive(this);
              d.errback(CancelledError());  // before the connection's end tells another reason
              stop();
          }) {
        if (const auto length = response.length()) {
            text_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, maxBytes)));
        }
    }

    Deferred<std::string> result() const { return source_.deferred(); }

    void makeConnection(ITransport& transport) override { transport_ = &transport; }

    void dataReceived(std::span<const std::byte> data) override {
        if (data.size() > maxBytes_ - text_.size()) {
            source_.errback(Failure::make<BodyTooLarge>(
                "the body of " + uri_.toString() + " has more than the " +
                std::to_string(maxBytes_) + " bytes that readBody's maxBytes allows"));
            stop();
            return;
        }
        text_ += asText(data);
    }

    void connectionLost(const Failure& reason) override {
        transport_ = nullptr;
        if (!source_.pending()) {
            return;
        }
        if (reason.check<ResponseDone>() != nullptr) {
            source_.callback(std::move(text_));
        } else if (reason.check<PotentialDataLoss>() != nullptr) {
            source_.errback(
                Failure::make<PartialDownloadError>(code_, uri_.toString(), std::move(text_)));
        } else {
            source_.errback(reason);
        }
    }

private:
    void stop() {
        if (transport_ != nullptr) {
            transport_->abortConnection();
        }
    }

    Uri uri_;
    int code_;
    std::size_t maxBytes_;
    ITransport* transport_ = nullptr;
    std::string text_;
    DeferredSource<std::string> source_;
};

}  // namespace

Deferred<> StringBody::startProducing(IBodyConsumer& consumer) {
    consumer.write(asBytes(text_));
    return succeed();
}

Deferred<std::string> readBody(const Response& response, std::size_t maxBytes) {
    auto collector = makeRef<BodyCollector>(response, maxBytes);
    Deferred<std::string> result = collector->result();
    try {
        response.deliverBody(collector);
    } catch (const std::logic_error& error) {
        return fail<std::string>(Failure::current());
    }
    return result;
}

}  // namespace marline
