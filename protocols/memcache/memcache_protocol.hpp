// MemCacheProtocol: a client of memcached.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/protocols/line_receiver.hpp>
#include <marline/protocols/policies/timeout.hpp>
#include <marline/reactor/time.hpp>

namespace marline::memcache {

/// The server refused a command: `ERROR` (Twisted: `NoSuchCommand`), `CLIENT_ERROR …`
/// (`ClientError`) or `SERVER_ERROR …` (`ServerError`); the message is what it said.
class MARLINE_API MemcacheError : public Error {
public:
    using Error::Error;
};
class MARLINE_API NoSuchCommand : public MemcacheError {
public:
    using MemcacheError::MemcacheError;
};
class MARLINE_API ClientError : public MemcacheError {
public:
    using MemcacheError::MemcacheError;
};
class MARLINE_API ServerError : public MemcacheError {
public:
    using MemcacheError::MemcacheError;
};

/// What came is not memcached's protocol, or beyond a limit; the connection is closed with it.
class MARLINE_API ProtocolError : public Error {
public:
    using Error::Error;
};

/// The longest key (Twisted: `MAX_KEY_LENGTH`).
inline constexpr std::size_t kMaxKeyLength = 250;
/// The longest value that is let in unless setMaxValueBytes() says otherwise.
inline constexpr std::size_t kMaxValueBytes = 16 * 1024 * 1024;
/// How long the server may be silent while something is asked, unless the constructor is told
/// otherwise (Twisted: `MemCacheProtocol(timeOut=60)`).
inline constexpr Duration kSilence = std::chrono::seconds(60);

/// A value and what the server keeps with it.
struct Item {
    std::string value;
    std::uint32_t flags = 0;
    /// Changes with every change of the value; for checkAndSet(). Only from getMultiple() with it.
    std::uint64_t cas = 0;

    friend bool operator==(const Item&, const Item&) = default;
};

/// How a value is stored.
struct StoreOptions {
    std::uint32_t flags = 0;
    /// Seconds until the server forgets it; 0: never. Beyond 30 days: seconds since 1970.
    std::uint32_t expire = 0;
};

/// A connection to memcached, with the text protocol (Twisted: `MemCacheProtocol`). Commands are
/// sent as they are called; answers come in their order.
///
/// Keys have 1 to 250 bytes, without white space and control characters; others are refused with
/// std::invalid_argument. A Deferred of it fails with a MemcacheError when the server refuses the
/// command, with TimeoutError when the server falls silent (the connection is aborted then), and
/// with the reason when the connection is lost.
class MARLINE_API MemCacheProtocol : public TimeoutMixin<LineReceiver> {
public:
    explicit MemCacheProtocol(IReactorTime& clock, Duration silence = kSilence)
        : TimeoutMixin(clock), silence_(silence) {}

    /// The value of `key`, if there is one.
    Deferred<std::optional<Item>> get(std::string_view key);
    /// The values of those of `keys` that there are, with their Item::cas. Throws
    /// std::invalid_argument without any key.
    Deferred<std::map<std::string, Item>> getMultiple(const std::vector<std::string>& keys);

    /// Stores the value; the others do so only if the key is new, or is there. They give whether
    /// they did.
    Deferred<bool> set(std::string_view key, std::string_view value, StoreOptions options = {});
    Deferred<bool> add(std::string_view key, std::string_view value, StoreOptions options = {});
    Deferred<bool> replace(std::string_view key, std::string_view value, StoreOptions options = {});
    /// Adds to a value that is there.
    Deferred<bool> append(std::string_view key, std::string_view value);
    Deferred<bool> prepend(std::string_view key, std::string_view value);
    /// Stores the value unless it was changed since `cas` was read.
    Deferred<bool> checkAndSet(std::string_view key, std::string_view value, std::uint64_t cas,
                               StoreOptions options = {});

    /// The number after the change, if there is one; it does not fall below 0.
    Deferred<std::optional<std::uint64_t>> increment(std::string_view key, std::uint64_t by = 1);
    Deferred<std::optional<std::uint64_t>> decrement(std::string_view key, std::uint64_t by = 1);
    /// Whether there was something to delete.
    Deferred<bool> remove(std::string_view key);
    /// What the server tells of itself.
    Deferred<std::map<std::string, std::string>> stats();
    Deferred<std::string> version();
    /// Forgets everything.
    Deferred<> flushAll();

    /// The longest value that is let in; a longer one closes the connection with a ProtocolError.
    void setMaxValueBytes(std::size_t bytes) noexcept { maxValueBytes_ = bytes; }
    std::size_t maxValueBytes() const noexcept { return maxValueBytes_; }

    /// Fails what was sent and not answered. Overrides call this one last.
    void connectionLost(const Failure& reason) override;

protected:
    void lineReceived(std::string_view line) override;
    void rawDataReceived(std::span<const std::byte> data) override;
    void lineLengthExceeded(std::string_view data) override;
    void timeoutConnection() override;

private:
    /// What is known of an answer when its last line has come.
    struct Answer {
        std::string_view line;
        std::map<std::string, Item>& items;
        std::map<std::string, std::string>& stats;
    };
    /// Takes the answer, or why there is none.
    using Answered = UniqueFunction<void(const Answer*, const Failure*)>;

    template <class T, class Read>
    Deferred<T> send(Read read);
    Deferred<bool> store(std::string_view command, std::string_view key, std::string_view value,
                         StoreOptions options, std::optional<std::uint64_t> cas = {});
    Deferred<std::optional<std::uint64_t>> count(std::string_view command, std::string_view key,
                                                 std::uint64_t by);
    void valueReceived(std::string_view line);
    void finish(std::string_view line, const Failure* why);

    Duration silence_;
    std::size_t maxValueBytes_ = kMaxValueBytes;
    std::string out_;
    std::deque<Answered> waiting_;
    std::map<std::string, Item> items_;
    std::map<std::string, std::string> stats_;
    std::string key_;  // whose value is coming
    Item item_;
    std::size_t left_ = 0;  // of that value, with its end of line
    std::optional<Failure> lost_;
};

}  // namespace marline::memcache
