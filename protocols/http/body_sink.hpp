// BodySink: takes a request's body while it comes.
#pragma once

#include <cstdint>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/deferred/ref.hpp>

namespace marline::http {

/// Takes the body of a request piece by piece, instead of Request::content(): for bodies that are
/// large, or that need not be kept. Given by Resource::bodySink().
class MARLINE_API BodySink : public RefCounted {
public:
    /// The largest body that it takes; more makes a 413. It counts instead of
    /// SiteOptions::maxBody.
    virtual std::uint64_t maxBody() const noexcept = 0;
    /// The next piece, whose bytes are gone when this returns. Throwing an HttpError refuses the
    /// request with it and closes the connection; any other exception does so with a 500.
    virtual void write(std::string_view piece) = 0;
    /// The body is complete; the handler is called next. May throw as write() does.
    virtual void finish() {}

protected:
    ~BodySink() override = default;
};

}  // namespace marline::http
