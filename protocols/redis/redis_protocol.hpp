// RedisProtocol: a client of Redis.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <marline/deferred/api.hpp>
#include <marline/deferred/deferred.hpp>
#include <marline/deferred/function.hpp>
#include <marline/deferred/ref.hpp>
#include <marline/deferred/source.hpp>
#include <marline/protocols/frame_receiver.hpp>
#include <marline/protocols/redis/value.hpp>
#include <marline/reactor/endpoints.hpp>

namespace marline::redis {

/// The longest reply that is let in unless RedisProtocol::setMaxReplyBytes() says otherwise.
inline constexpr std::size_t kMaxReplyBytes = 64 * 1024 * 1024;

/// A connection to a Redis server. Commands are sent as they are called, without waiting for the
/// replies of those before (pipelining); replies come in their order.
///
///     redis->command("SET", "visits", 41);
///     redis->incrBy("visits", 1).addCallback([](std::int64_t visits) { … });
///     redis->subscribe("news", [](std::string_view text) { … });
///
/// A Deferred of it fails with RedisError when the server answers with an error, and with the
/// reason when the connection is lost before. Cancelling drops the reply; the command is carried
/// out all the same.
class MARLINE_API RedisProtocol : public FrameReceiver {
public:
    /// Hears the messages of one channel.
    using Message = UniqueFunction<void(std::string_view message)>;
    /// Hears the messages of the channels that a pattern fits.
    using PatternMessage = UniqueFunction<void(std::string_view channel, std::string_view message)>;

    /// Sends any command: strings, and numbers as decimal digits. Not for those that subscribe.
    template <class... Args>
        requires(sizeof...(Args) > 0)
    Deferred<Value> command(const Args&... args) {
        begin(sizeof...(Args));
        (add(args), ...);
        return send();
    }
    /// The same with arguments that are counted only when it runs; throws std::invalid_argument
    /// when there are none.
    Deferred<Value> commandOf(const std::vector<std::string>& args);

    /// The value of `key`, if there is one.
    Deferred<std::optional<std::string>> get(std::string_view key);
    Deferred<> set(std::string_view key, std::string_view value);
    /// How many of `keys` there were.
    Deferred<std::int64_t> del(const std::vector<std::string>& keys);
    /// The value after it was increased.
    Deferred<std::int64_t> incrBy(std::string_view key, std::int64_t by);
    Deferred<> ping();
    /// Authenticates; with an empty `user` as the default one.
    Deferred<> auth(std::string_view user, std::string_view password);
    /// Uses another data base of the server.
    Deferred<> select(int database);
    /// Changes to RESP3, which has more types and lets a subscriber send any command.
    Deferred<> useResp3();

    /// Lets `message` hear what is published on `channel`, instead of who did so before. Fires when
    /// the server has confirmed. With RESP2 only these four and ping() may be called meanwhile.
    Deferred<> subscribe(std::string_view channel, Message message);
    Deferred<> unsubscribe(std::string_view channel);
    /// The same for all channels whose names fit `pattern`: `news.*`.
    Deferred<> psubscribe(std::string_view pattern, PatternMessage message);
    Deferred<> punsubscribe(std::string_view pattern);

    /// The longest reply that is let in; a longer one closes the connection with a ProtocolError.
    void setMaxReplyBytes(std::size_t bytes) noexcept { maxReplyBytes_ = bytes; }
    std::size_t maxReplyBytes() const noexcept { return maxReplyBytes_; }

    /// Fails what was sent and not answered. Overrides call this one last.
    void connectionLost(const Failure& reason) override;

protected:
    /// The server pushed something else than a message; only with RESP3.
    virtual void pushReceived(const Value& push);

    bool parseFrame() override;

private:
    struct Waiting {
        DeferredSource<Value> source;
        bool subscription = false;  // its reply is a push
    };

    void begin(std::size_t args);
    void add(std::string_view arg);
    void add(std::integral auto arg) { addNumber(static_cast<std::int64_t>(arg)); }
    void addNumber(std::int64_t arg);
    Deferred<Value> send(bool subscription = false);
    void replyReceived(Value reply);
    bool isPush(const Value& reply) const noexcept;
    void pushed(Value& push);
    void answer(Value reply);

    std::string out_;
    std::deque<Waiting> waiting_;
    std::size_t subscribing_ = 0;     // subscriptions that are not confirmed
    std::int64_t subscriptions_ = 0;  // as the server counts them
    std::map<std::string, Message, std::less<>> channels_;
    std::map<std::string, PatternMessage, std::less<>> patterns_;
    ReplyScanner scanner_;
    std::size_t maxReplyBytes_ = kMaxReplyBytes;
    std::optional<Failure> lost_;
};

/// Connects to a Redis server; `endpoint` says where.
MARLINE_API Deferred<Ref<RedisProtocol>> connectRedis(IStreamClientEndpoint& endpoint);

}  // namespace marline::redis
