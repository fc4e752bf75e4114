// Finger (RFC 1288): who is a user, and what is on the mind of that user?
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/errors.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/reactor/endpoints.hpp>
#include <marline/reactor/time.hpp>

namespace marline::finger {

/// The longest query, without its CRLF, in bytes; a longer one closes the connection.
inline constexpr std::size_t kMaxQuery = 512;
/// The longest answer that lookup() takes, in bytes.
inline constexpr std::size_t kMaxAnswer = 1024 * 1024;
/// How long either side waits for the other.
inline constexpr Duration kFingerTimeout = std::chrono::seconds(30);
/// How long a lookup may take.
inline constexpr Duration kFingerLookupTimeout = std::chrono::minutes(2);

/// What a client asks (RFC 1288 §2.3).
struct FingerQuery {
    /// Whom it asks about; empty asks for all who are there.
    std::string user;
    /// `/W`: it wants to know more.
    bool wide = false;
};

/// The answer cannot be read: it is longer than kMaxAnswer.
class MARLINE_API FingerError : public Error {
public:
    using Error::Error;
};

/// Looks a query up; the lines of what it fires with may end with LF or CRLF. May
/// be a coroutine function.
using FingerLookup = UniqueFunction<Deferred<std::string>(FingerQuery)>;

/// Answers one query a connection (Twisted: `protocols.finger.Finger`). What is forwarded, with an
/// `@`, is refused (RFC 1288 §3.2.1). Control characters of an answer are left out (§3.3). A
/// Failure of `lookup` is logged, and the client hears that there was one. It is cancelled when it
/// takes longer than `lookupTimeout`, or the client leaves, which the end of its input is taken for
/// as well; a client that sends more than kMaxQuery bytes behind its query is not heard leaving.
///
/// `clock` must outlive the connections. Throws std::invalid_argument without `lookup`.
MARLINE_API Ref<IProtocolFactory> fingerFactory(IReactorTime& clock, FingerLookup lookup,
                                                Duration timeout = kFingerTimeout,
                                                Duration lookupTimeout = kFingerLookupTimeout);

/// Asks the server at `endpoint`, and fires with all that it says until it closes. Fails with
/// FingerError, TimeoutError, what connecting fails with, or the connection's end. Throws
/// std::invalid_argument for a user with control characters or more than kMaxQuery bytes.
MARLINE_API Deferred<std::string> lookup(IReactorTime& clock, IStreamClientEndpoint& endpoint,
                                         const FingerQuery& query,
                                         Duration timeout = kFingerTimeout);

}  // namespace marline::finger
