#include <marline/agent/progress_agent.hpp>

#include <optional>
#include <span>
#include <string>
#include <utility>

#include <marline/agent/detail/response_state.hpp>
#include <marline/deferred/source.hpp>

namespace marline {
namespace {

/// How far one request is, and who is told.
class Transfer final : public RefCounted {
public:
    /// The function of all transfers of one agent.
    struct Hook final : RefCounted {
        explicit Hook(OnProgress function) : call(std::move(function)) {}
        OnProgress call;
    };

    Transfer(Ref<Hook> hook, const Uri& uri) : hook_(std::move(hook)), uri_(uri) {}

    void tell() { hook_->call(uri_, progress); }

    Progress progress;

private:
    Ref<Hook> hook_;
    Uri uri_;
};

/// Counts what another body writes.
class CountedBody final : public IBodyProducer, private IBodyConsumer {
public:
    CountedBody(Ref<IBodyProducer> body, Ref<Transfer> transfer)
        : body_(std::move(body)), transfer_(std::move(transfer)) {}

    std::optional<std::uint64_t> length() const override { return body_->length(); }
    bool repeatable() const override { return body_->repeatable(); }
    std::string contentType() const override { return body_->contentType(); }
    Deferred<> startProducing(IBodyConsumer& consumer) override {
        consumer_ = &consumer;
        transfer_->progress.uploaded = 0;  // it may be the second time
        transfer_->progress.uploadTotal = body_->length();
        threw_.reset();
        // Until it is done it writes to this.
        const Ref<CountedBody> self(this);
        Deferred<> work = body_->startProducing(*this);
        if (threw_) {
            work.cancel();
        } else if (!work.called()) {
            work_ = work;
        }
        return work.addBoth([self](Result<> outcome) -> Result<> {
            self->work_.reset();
            return self->threw_ ? Result<>(*self->threw_) : outcome;
        });
    }

private:
    /// What the hook throws fails the body: here nobody would take it but the reactor's log.
    void write(std::span<const std::byte> data) override {
        if (threw_) {
            return;
        }
        const Ref<CountedBody> alive(this);
        consumer_->write(data);
        transfer_->progress.uploaded += data.size();
        try {
            transfer_->tell();
        } catch (...) {
            threw_ = Failure::current();
            if (auto work = std::exchange(work_, std::nullopt)) {
                work->cancel();
            }
        }
    }
    void registerProducer(IProducer& producer, Producing mode) override {
        consumer_->registerProducer(producer, mode);
    }
    void unregisterProducer() override { consumer_->unregisterProducer(); }

    Ref<IBodyProducer> body_;
    Ref<Transfer> transfer_;
    IBodyConsumer* consumer_ = nullptr;
    std::optional<Deferred<>> work_;  // while the body is on its way
    std::optional<Failure> threw_;    // what the hook threw
};

/// Counts what another one reads.
class CountedReader final : public IProtocol {
public:
    CountedReader(Ref<IProtocol> reader, Ref<Transfer> transfer)
        : reader_(std::move(reader)), transfer_(std::move(transfer)) {}

    void makeConnection(ITransport& transport) override { reader_->makeConnection(transport); }
    void dataReceived(std::span<const std::byte> data) override {
        transfer_->progress.downloaded += data.size();
        transfer_->tell();
        reader_->dataReceived(data);
    }
    void connectionLost(const Failure& reason) override { reader_->connectionLost(reason); }

private:
    Ref<IProtocol> reader_;
    Ref<Transfer> transfer_;
};

class Progressing final : public IAgent {
public:
    Progressing(Ref<IAgent> inner, OnProgress onProgress)
        : inner_(std::move(inner)), hook_(makeRef<Transfer::Hook>(std::move(onProgress))) {}

    Deferred<Response> request(std::string_view method, const Uri& uri,
                               const http::Headers& headers, Ref<IBodyProducer> body) override {
        auto transfer = makeRef<Transfer>(hook_, uri);
        if (body) {
            body = makeRef<CountedBody>(std::move(body), transfer);
        }
        return inner_->request(method, uri, headers, std::move(body))
            .addCallback([transfer](const Response& response) {
                transfer->progress.downloadTotal = response.length();
                return detail::filteredResponse(
                    detail::ResponseInfo{response.code(), response.phrase(), response.version(),
                                         response.headers(), response.length(), response.uri(),
                                         response.method()},
                    response, [transfer](Ref<IProtocol> receiver) -> Ref<IProtocol> {
                        return makeRef<CountedReader>(std::move(receiver), transfer);
                    });
            });
    }

private:
    Ref<IAgent> inner_;
    Ref<Transfer::Hook> hook_;
};

}  // namespace

ProgressAgent::ProgressAgent(const AgentHandle& agent, OnProgress onProgress)
    : AgentHandle(makeRef<Progressing>(agent.agent(), std::move(onProgress))) {}

}  // namespace marline
