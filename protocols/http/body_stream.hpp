// BodyStream: the body of a response that is made while it is sent.
#pragma once

#include <string>
#include <utility>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>

namespace marline::http {

/// A body that a handler returns, and that is asked for piece by piece while the client takes it:
/// a slow client slows it down, and nothing piles up.
///
/// Set a Content-Length to announce the length; else it goes out in chunks. For HEAD it is never
/// asked. Reactor thread only.
class MARLINE_API BodyStream : public RefCounted {
public:
    /// The next piece; an empty one is the end. Called again when the client has taken the one
    /// before. When the client goes, the Deferred is cancelled and the stream dropped. A failure
    /// before the first piece is a 500, later it cuts the connection.
    virtual Deferred<std::string> next() = 0;

protected:
    ~BodyStream() override = default;
};

/// The stream of what `next()` gives, called as BodyStream::next() is.
MARLINE_API Ref<BodyStream> streamOf(UniqueFunction<Deferred<std::string>()> next);

}  // namespace marline::http
