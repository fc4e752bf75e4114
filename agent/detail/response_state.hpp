// Internal: not installed. What a Response handle points to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <marline/agent/response.hpp>
#include <marline/agent/uri.hpp>
#include <marline/deferred/failure.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/protocols/http/headers.hpp>
#include <marline/protocols/http/version.hpp>
#include <marline/reactor/interfaces.hpp>

namespace marline::detail {

/// What a response's head says.
struct ResponseInfo {
    int code;
    std::string phrase;
    http::Version version;
    http::Headers headers;
    std::optional<std::uint64_t> length;
    Uri uri;
    std::string method;
};

/// One response: its head, and a way to its body.
class ResponseState : public RefCounted {
public:
    explicit ResponseState(ResponseInfo info) : info_(std::move(info)) {}

    const ResponseInfo& info() const noexcept { return info_; }
    const std::optional<Response>& previous() const noexcept { return previous_; }
    void setPrevious(Response previous) { previous_.emplace(std::move(previous)); }

    // As Response says.
    virtual const http::Headers& trailers() const noexcept = 0;
    virtual void deliverBody(Ref<IProtocol> receiver) = 0;
    virtual void discardBody() = 0;
    virtual void abort() = 0;
    virtual void handOver(Ref<IProtocol> protocol) = 0;

protected:
    ~ResponseState() override = default;

    /// What a second deliverBody() throws.
    [[noreturn]] void refuseSecondReader() const;
    /// What a handOver() throws that no 101 allows.
    [[noreturn]] void refuseHandOver() const;

private:
    ResponseInfo info_;
    std::optional<Response> previous_;
};

/// A response whose body another one brings, on its way through something: a decoder, a counter.
class FilteredResponse final : public ResponseState {
public:
    /// Makes of the reader of this body the reader of the other one's.
    using Filter = UniqueFunction<Ref<IProtocol>(Ref<IProtocol>)>;

    FilteredResponse(ResponseInfo info, Response inner, Filter filter)
        : ResponseState(std::move(info)), inner_(std::move(inner)), filter_(std::move(filter)) {}

    void deliverBody(Ref<IProtocol> receiver) override {
        if (!filter_) {
            refuseSecondReader();
        }
        inner_.deliverBody(std::exchange(filter_, {})(std::move(receiver)));
    }
    const http::Headers& trailers() const noexcept override { return inner_.trailers(); }
    void discardBody() override { inner_.discardBody(); }
    void abort() override { inner_.abort(); }
    void handOver(Ref<IProtocol> protocol) override { inner_.switchProtocol(std::move(protocol)); }

private:
    ~FilteredResponse() override = default;

    Response inner_;
    Filter filter_;
};

/// A response with the head `info` whose body is `inner`'s behind `filter`; its previousResponse()
/// is `inner`'s.
Response filteredResponse(ResponseInfo info, const Response& inner,
                          FilteredResponse::Filter filter);

}  // namespace marline::detail
