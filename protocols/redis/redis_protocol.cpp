#include <marline/protocols/redis/redis_protocol.hpp>

#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

#include <marline/deferred/succeed.hpp>
#include <marline/protocols/protocol.hpp>
#include <marline/reactor/errors.hpp>
#include <marline/reactor/log.hpp>

namespace marline::redis {
namespace {

void appendNumber(std::string& out, std::int64_t number) {
    std::array<char, 24> digits;
    out.append(digits.data(),
               std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

void dropReply(const Value&) {}

/// Calls who hears `name`; which may be somebody else when it returns.
template <class Listeners, class... What>
void tell(Listeners& listeners, const std::string& name, const What&... what) {
    const auto found = listeners.find(name);
    if (found == listeners.end()) {
        return;
    }
    auto call = std::move(found->second);
    call(what...);
    if (const auto again = listeners.find(name); again != listeners.end() && !again->second) {
        again->second = std::move(call);
    }
}

}  // namespace

Deferred<Value> RedisProtocol::commandOf(const std::vector<std::string>& args) {
    if (args.empty()) {
        throw std::invalid_argument("Redis: a command has a name");
    }
    begin(args.size());
    for (const std::string& arg : args) {
        add(std::string_view(arg));
    }
    return send();
}

Deferred<std::optional<std::string>> RedisProtocol::get(std::string_view key) {
    return command("GET", key).addCallback([](Value reply) {
        return reply.isNull() ? std::optional<std::string>() : std::move(reply.string());
    });
}

Deferred<> RedisProtocol::set(std::string_view key, std::string_view value) {
    return command("SET", key, value).addCallback(dropReply);
}

Deferred<std::int64_t> RedisProtocol::del(const std::vector<std::string>& keys) {
    begin(keys.size() + 1);
    add(std::string_view("DEL"));
    for (const std::string& key : keys) {
        add(std::string_view(key));
    }
    return send().addCallback([](const Value& reply) { return reply.toInteger(); });
}

Deferred<std::int64_t> RedisProtocol::incrBy(std::string_view key, std::int64_t by) {
    return command("INCRBY", key, by).addCallback([](const Value& reply) {
        return reply.toInteger();
    });
}

Deferred<> RedisProtocol::ping() { return command("PING").addCallback(dropReply); }

Deferred<> RedisProtocol::auth(std::string_view user, std::string_view password) {
    return (user.empty() ? command("AUTH", password) : command("AUTH", user, password))
        .addCallback(dropReply);
}

Deferred<> RedisProtocol::select(int database) {
    return command("SELECT", database).addCallback(dropReply);
}

Deferred<> RedisProtocol::useResp3() { return command("HELLO", 3).addCallback(dropReply); }

Deferred<> RedisProtocol::subscribe(std::string_view channel, Message message) {
    channels_.insert_or_assign(std::string(channel), std::move(message));
    begin(2);
    add(std::string_view("SUBSCRIBE"));
    add(channel);
    return send(true).addCallback(dropReply);
}

Deferred<> RedisProtocol::unsubscribe(std::string_view channel) {
    begin(2);
    add(std::string_view("UNSUBSCRIBE"));
    add(channel);
    return send(true).addCallback(dropReply);
}

Deferred<> RedisProtocol::psubscribe(std::string_view pattern, PatternMessage message) {
    patterns_.insert_or_assign(std::string(pattern), std::move(message));
    begin(2);
    add(std::string_view("PSUBSCRIBE"));
    add(pattern);
    return send(true).addCallback(dropReply);
}

Deferred<> RedisProtocol::punsubscribe(std::string_view pattern) {
    begin(2);
    add(std::string_view("PUNSUBSCRIBE"));
    add(pattern);
    return send(true).addCallback(dropReply);
}

void RedisProtocol::begin(std::size_t args) {
    out_ = '*';
    appendNumber(out_, static_cast<std::int64_t>(args));
    out_ += "\r\n";
}

void RedisProtocol::add(std::string_view arg) {
    out_ += '$';
    appendNumber(out_, static_cast<std::int64_t>(arg.size()));
    out_ += "\r\n";
    out_ += arg;
    out_ += "\r\n";
}

void RedisProtocol::addNumber(std::int64_t arg) {
    std::array<char, 24> digits;
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), arg).ptr;
    add(std::string_view(digits.data(), end));
}

Deferred<Value> RedisProtocol::send(bool subscription) {
    if (transport() == nullptr) {
        return fail<Value>(lost_ ? *lost_ : Failure::make<ConnectionLost>("Redis: not connected"));
    }
    DeferredSource<Value> source;
    Deferred<Value> reply = source.deferred();
    waiting_.push_back({std::move(source), subscription});
    subscribing_ += subscription ? 1 : 0;
    transport()->write(out_);
    return reply;
}

void RedisProtocol::connectionLost(const Failure& reason) {
    lost_ = reason;
    FrameReceiver::connectionLost(reason);
    for (Waiting& waiting : std::exchange(waiting_, {})) {
        waiting.source.errback(reason);
    }
    channels_.clear();
    patterns_.clear();
}

bool RedisProtocol::parseFrame() {
    const std::string_view data = unparsed();
    const std::optional<std::size_t> length = scanner_.scan(data);
    if (length.value_or(data.size()) > maxReplyBytes_) {
        throw ProtocolError("Redis: a reply of more than " + std::to_string(maxReplyBytes_) +
                            " bytes (RedisProtocol::setMaxReplyBytes)");
    }
    if (!length) {
        return false;
    }
    Value reply = readReply(data.substr(0, *length));
    skip(*length);
    replyReceived(std::move(reply));
    return true;
}

void RedisProtocol::replyReceived(Value reply) {
    if (isPush(reply)) {
        pushed(reply);
    } else {
        answer(std::move(reply));
    }
}

/// RESP2 has no type for it: to a subscriber messages come as arrays.
bool RedisProtocol::isPush(const Value& reply) const noexcept {
    if (reply.kind == Value::Kind::Push) {
        return true;
    }
    if (reply.kind != Value::Kind::Array || reply.items.size() < 3 ||
        (subscriptions_ == 0 && subscribing_ == 0)) {
        return false;
    }
    const std::string& what = reply.items[0].text;
    return what == "message" || what == "pmessage" || what.ends_with("subscribe");
}

void RedisProtocol::pushed(Value& push) {
    const std::vector<Value>& items = push.items;
    const std::string what = items.empty() ? "" : items[0].text;
    if (what == "message" && items.size() == 3) {
        tell(channels_, items[1].text, items[2].text);
    } else if (what == "pmessage" && items.size() == 4) {
        tell(patterns_, items[1].text, items[2].text, items[3].text);
    } else if (what.ends_with("subscribe") && items.size() == 3) {
        subscriptions_ = items[2].integer;
        if (what == "unsubscribe") {
            channels_.erase(items[1].text);
        } else if (what == "punsubscribe") {
            patterns_.erase(items[1].text);
        }
        answer(std::move(push));
    } else {
        pushReceived(push);
    }
}

void RedisProtocol::answer(Value reply) {
    if (waiting_.empty()) {
        throw ProtocolError("Redis: a reply to nothing that was asked");
    }
    Waiting first = std::move(waiting_.front());
    waiting_.pop_front();
    subscribing_ -= first.subscription ? 1 : 0;
    if (reply.kind == Value::Kind::Error) {
        first.source.errback(Failure::make<RedisError>(reply.text));
    } else {
        first.source.callback(std::move(reply));
    }
}

void RedisProtocol::pushReceived(const Value&) {}

Deferred<Ref<RedisProtocol>> connectRedis(IStreamClientEndpoint& endpoint) {
    return endpoint.connect(makeFactory<RedisProtocol>())
        .addCallback([](const Ref<IProtocol>& made) {
            return Ref<RedisProtocol>(&dynamic_cast<RedisProtocol&>(*made));
        });
}

}  // namespace marline::redis
