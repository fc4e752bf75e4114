// AccumulatingProtocol: the test's own end of a connection.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <marline/deferred/failure.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::testing {

/// Keeps what comes, and lets the test write and close (Twisted: `AccumulatingProtocol`).
class AccumulatingProtocol : public IProtocol {
public:
    void makeConnection(ITransport& transport) override { transport_ = &transport; }
    void transportChanged(ITransport& transport) override { transport_ = &transport; }
    void dataReceived(std::span<const std::byte> data) override { data_ += asText(data); }
    void connectionLost(const Failure& reason) override {
        transport_ = nullptr;
        closedReason_ = reason;
    }

    /// Everything that came since the start or the last take().
    const std::string& data() const noexcept { return data_; }
    /// The same, and forgets it.
    std::string take() { return std::exchange(data_, {}); }
    /// The connection; null before makeConnection() and after connectionLost().
    ITransport* transport() const noexcept { return transport_; }
    /// Sends `text`; nothing without a connection.
    void write(std::string_view text) {
        if (transport_ != nullptr) {
            transport_->write(text);
        }
    }
    /// True after connectionLost().
    bool closed() const noexcept { return closedReason_.has_value(); }
    /// What connectionLost() brought; null before.
    const Failure* closedReason() const noexcept {
        return closedReason_ ? &*closedReason_ : nullptr;
    }
    /// True when that is an E.
    template <class E>
    bool closedWith() const noexcept {
        return closedReason_ && closedReason_->check<E>() != nullptr;
    }

private:
    ITransport* transport_ = nullptr;
    std::string data_;
    std::optional<Failure> closedReason_;
};

}  // namespace marline::testing
