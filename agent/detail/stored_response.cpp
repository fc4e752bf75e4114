#include <marline/agent/detail/stored_response.hpp>

#include <algorithm>
#include <vector>

#include <marline/agent/errors.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::detail {
namespace {

/// What a reader gets at a time.
constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

/// A body that nobody reads is read all the same, to be kept, up to so many bytes.
constexpr std::uint64_t kShortBody = std::uint64_t{64} << 10;

/// Takes a body down while another one reads it.
class Recording final : public IProtocol {
public:
    Recording(Ref<IProtocol> receiver, Ref<CacheRequest> asked, Ref<CacheEntry> entry)
        : receiver_(std::move(receiver)), asked_(std::move(asked)), entry_(std::move(entry)) {}

    void makeConnection(ITransport& transport) override {
        if (receiver_) {
            receiver_->makeConnection(transport);
        }
    }
    void dataReceived(std::span<const std::byte> data) override {
        if (entry_) {
            keep(data);
        }
        if (receiver_) {
            receiver_->dataReceived(data);
        }
    }
    void connectionLost(const Failure& reason) override {
        if (entry_ && reason.check<ResponseDone>() != nullptr) {
            entry_->info.length = entry_->body.size();
            asked_->index().metrics.stored += asked_->index().store(entry_, *asked_) ? 1 : 0;
        }
        giveUp();
        if (receiver_) {
            receiver_->connectionLost(reason);
        }
    }

private:
    ~Recording() override { giveUp(); }

    void keep(std::span<const std::byte> data) {
        CacheIndex& index = asked_->index();
        if (data.size() > index.options.maxBodyBytes - held_ || !index.hold(data.size())) {
            giveUp();
            return;
        }
        held_ += data.size();
        entry_->body += asText(data);
    }
    void giveUp() noexcept {
        entry_.reset();
        asked_->index().release(std::exchange(held_, 0));
    }

    Ref<IProtocol> receiver_;  // empty: nobody wants it
    Ref<CacheRequest> asked_;
    Ref<CacheEntry> entry_;  // empty: it is too long
    std::size_t held_ = 0;   // of it, as the index counts
};

}  // namespace

const http::Headers& StoredResponse::trailers() const noexcept {
    static const http::Headers none;
    return none;
}

void StoredResponse::deliverBody(Ref<IProtocol> receiver) {
    if (std::exchange(delivered_, true)) {
        refuseSecondReader();
    }
    const Ref<StoredResponse> alive(this);
    self_ = alive;
    receiver_ = std::move(receiver);
    const Ref<IProtocol> reader = receiver_;
    busy_ = true;
    try {
        reader->makeConnection(*this);
    } catch (...) {
        readerThrew();
        return;
    }
    busy_ = false;
    if (endedEarly_) {
        end(*endedEarly_);
    }
    goOn();
}

void StoredResponse::goOn() {
    if (busy_) {
        return;
    }
    busy_ = true;
    const std::string_view body = entry_ ? std::string_view(entry_->body) : std::string_view();
    while (receiver_ && !paused_ && given_ < body.size()) {
        const std::string_view piece = body.substr(given_, kPieceBytes);
        given_ += piece.size();
        const Ref<IProtocol> reader = receiver_;
        try {
            reader->dataReceived(asBytes(piece));
        } catch (...) {
            readerThrew();
            return;
        }
    }
    busy_ = false;
    if (receiver_ && !paused_) {
        end(Failure::make<ResponseDone>());
    }
}

/// As when it comes from a connection.
void StoredResponse::readerThrew() {
    busy_ = false;
    end(Failure::make<ResponseFailed>("the reader of a body from the cache threw",
                                      std::vector<Failure>{Failure::current()}));
}

void StoredResponse::end(const Failure& reason) {
    const Ref<StoredResponse> alive(this);
    self_.reset();
    if (const Ref<IProtocol> reader = std::exchange(receiver_, {})) {
        reader->connectionLost(reason);
    }
}

void StoredResponse::abort() {
    const Failure why =
        Failure::make<ResponseFailed>("the response from the cache was given up",
                                      std::vector<Failure>{Failure(ConnectionAborted())});
    if (receiver_) {
        end(why);
    } else if (!delivered_) {
        endedEarly_ = why;  // whoever reads it is told, as when it comes from a connection
    }
}

void StoredResponse::resumeProducing() {
    const Ref<StoredResponse> alive(this);
    paused_ = false;
    goOn();
}

const Address& StoredResponse::getHost() const noexcept {
    static const Address unknown;
    return unknown;
}

void RecordedResponse::deliverBody(Ref<IProtocol> receiver) {
    if (!entry_) {
        refuseSecondReader();
    }
    inner_.deliverBody(makeRef<Recording>(std::move(receiver), asked_, std::exchange(entry_, {})));
}

void RecordedResponse::discardBody() {
    if (entry_ && inner_.length().value_or(kShortBody + 1) <= kShortBody) {
        deliverBody({});
    } else {
        inner_.discardBody();
    }
}

}  // namespace marline::detail
