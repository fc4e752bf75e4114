#include <marline/protocols/memcache/memcache_protocol.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

#include <marline/deferred/source.hpp>
#include <marline/deferred/succeed.hpp>
#include <marline/reactor/errors.hpp>

namespace marline::memcache {
namespace {

constexpr std::string_view kEnd = "\r\n";

void checkKey(std::string_view key) {
    const auto isBad = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
    if (key.empty() || key.size() > kMaxKeyLength || std::ranges::any_of(key, isBad)) {
        throw std::invalid_argument("memcached: a key has 1 to " + std::to_string(kMaxKeyLength) +
                                    " bytes, without white space and control characters");
    }
}

/// The next word of `line`, which is taken off.
std::string_view takeWord(std::string_view& line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

template <class T>
std::optional<T> numberOf(std::string_view text) {
    T number{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && stop == text.data() + text.size();
    return whole ? std::optional(number) : std::nullopt;
}

[[noreturn]] void refuse(std::string_view line) {
    constexpr std::size_t kShown = 60;
    throw ProtocolError("memcached: cannot read the answer '" +
                        std::string(line.substr(0, kShown)) + "'");
}

/// `yes` or `no`.
bool either(std::string_view line, std::string_view yes, std::string_view no) {
    if (line != yes && line != no) {
        refuse(line);
    }
    return line == yes;
}

std::optional<Failure> errorOf(std::string_view line) {
    const std::string text(line);
    if (line == "ERROR") {
        return Failure::make<NoSuchCommand>("memcached does not know the command");
    }
    if (line.starts_with("CLIENT_ERROR")) {
        return Failure::make<ClientError>(text);
    }
    if (line.starts_with("SERVER_ERROR")) {
        return Failure::make<ServerError>(text);
    }
    return {};
}

}  // namespace

/// Sends out_; `read` makes the result of its answer.
template <class T, class Read>
Deferred<T> MemCacheProtocol::send(Read read) {
    if (transport() == nullptr) {
        return fail<T>(lost_ ? *lost_ : Failure::make<ConnectionLost>("memcached: not connected"));
    }
    DeferredSource<T> source;
    Deferred<T> result = source.deferred();
    waiting_.emplace_back(
        [read, source = std::move(source)](const Answer* answer, const Failure* why) mutable {
            if (why != nullptr) {
                source.errback(*why);
            } else if constexpr (std::is_void_v<T>) {
                read(*answer);
                source.callback();
            } else {
                source.callback(read(*answer));
            }
        });
    if (waiting_.size() == 1) {
        setTimeout(silence_);
    }
    transport()->write(out_);
    return result;
}

Deferred<std::optional<Item>> MemCacheProtocol::get(std::string_view key) {
    checkKey(key);
    out_.assign("get ").append(key).append(kEnd);
    return send<std::optional<Item>>([](const Answer& answer) {
        either(answer.line, "END", "END");
        return answer.items.empty() ? std::optional<Item>()
                                    : std::move(answer.items.begin()->second);
    });
}

Deferred<std::map<std::string, Item>> MemCacheProtocol::getMultiple(
    const std::vector<std::string>& keys) {
    if (keys.empty()) {
        throw std::invalid_argument("memcached: getMultiple() of no key");
    }
    std::ranges::for_each(keys, checkKey);
    out_ = "gets";
    for (const std::string& key : keys) {
        out_.append(" ").append(key);
    }
    out_ += kEnd;
    return send<std::map<std::string, Item>>([](const Answer& answer) {
        either(answer.line, "END", "END");
        return std::move(answer.items);
    });
}

Deferred<bool> MemCacheProtocol::store(std::string_view command, std::string_view key,
                                       std::string_view value, StoreOptions options,
                                       std::optional<std::uint64_t> cas) {
    checkKey(key);
    out_.assign(command).append(" ").append(key);
    for (const std::uint64_t number : {std::uint64_t{options.flags}, std::uint64_t{options.expire},
                                       std::uint64_t{value.size()}}) {
        out_.append(" ").append(std::to_string(number));
    }
    if (cas) {
        out_.append(" ").append(std::to_string(*cas));
    }
    out_.append(kEnd).append(value).append(kEnd);
    return send<bool>([](const Answer& answer) {
        return answer.line != "EXISTS" && answer.line != "NOT_FOUND" &&
               either(answer.line, "STORED", "NOT_STORED");
    });
}

Deferred<bool> MemCacheProtocol::set(std::string_view key, std::string_view value,
                                     StoreOptions options) {
    return store("set", key, value, options);
}

Deferred<bool> MemCacheProtocol::add(std::string_view key, std::string_view value,
                                     StoreOptions options) {
    return store("add", key, value, options);
}

Deferred<bool> MemCacheProtocol::replace(std::string_view key, std::string_view value,
                                         StoreOptions options) {
    return store("replace", key, value, options);
}

Deferred<bool> MemCacheProtocol::append(std::string_view key, std::string_view value) {
    return store("append", key, value, {});
}

Deferred<bool> MemCacheProtocol::prepend(std::string_view key, std::string_view value) {
    return store("prepend", key, value, {});
}

Deferred<bool> MemCacheProtocol::checkAndSet(std::string_view key, std::string_view value,
                                             std::uint64_t cas, StoreOptions options) {
    return store("cas", key, value, options, cas);
}

Deferred<std::optional<std::uint64_t>> MemCacheProtocol::count(std::string_view command,
                                                               std::string_view key,
                                                               std::uint64_t by) {
    checkKey(key);
    out_.assign(command).append(" ").append(key).append(" ").append(std::to_string(by));
    out_ += kEnd;
    return send<std::optional<std::uint64_t>>([](const Answer& answer) {
        std::optional<std::uint64_t> number;
        if (answer.line != "NOT_FOUND") {
            number = numberOf<std::uint64_t>(answer.line);
            if (!number) {
                refuse(answer.line);
            }
        }
        return number;
    });
}

Deferred<std::optional<std::uint64_t>> MemCacheProtocol::increment(std::string_view key,
                                                                   std::uint64_t by) {
    return count("incr", key, by);
}

Deferred<std::optional<std::uint64_t>> MemCacheProtocol::decrement(std::string_view key,
                                                                   std::uint64_t by) {
    return count("decr", key, by);
}

Deferred<bool> MemCacheProtocol::remove(std::string_view key) {
    checkKey(key);
    out_.assign("delete ").append(key).append(kEnd);
    return send<bool>(
        [](const Answer& answer) { return either(answer.line, "DELETED", "NOT_FOUND"); });
}

Deferred<std::map<std::string, std::string>> MemCacheProtocol::stats() {
    out_.assign("stats").append(kEnd);
    return send<std::map<std::string, std::string>>([](const Answer& answer) {
        either(answer.line, "END", "END");
        return std::move(answer.stats);
    });
}

Deferred<std::string> MemCacheProtocol::version() {
    out_.assign("version").append(kEnd);
    return send<std::string>([](const Answer& answer) {
        std::string_view line = answer.line;
        if (takeWord(line) != "VERSION") {
            refuse(answer.line);
        }
        return std::string(line);
    });
}

Deferred<> MemCacheProtocol::flushAll() {
    out_.assign("flush_all").append(kEnd);
    return send<void>([](const Answer& answer) { either(answer.line, "OK", "OK"); });
}

void MemCacheProtocol::lineReceived(std::string_view line) {
    resetTimeout();
    if (waiting_.empty()) {
        refuse(line);
    }
    std::string_view rest = line;
    const std::string_view what = takeWord(rest);
    if (what == "VALUE") {
        valueReceived(rest);
    } else if (what == "STAT") {
        const std::string_view name = takeWord(rest);
        stats_.insert_or_assign(std::string(name), std::string(rest));
    } else if (const std::optional<Failure> why = errorOf(line)) {
        finish(line, &*why);
    } else {
        finish(line, nullptr);
    }
}

/// `KEY FLAGS BYTES [CAS]`: so many bytes of value follow.
void MemCacheProtocol::valueReceived(std::string_view line) {
    const std::string_view whole = line;
    key_ = takeWord(line);
    const auto flags = numberOf<std::uint32_t>(takeWord(line));
    const auto bytes = numberOf<std::size_t>(takeWord(line));
    const auto cas = line.empty() ? std::optional<std::uint64_t>(0) : numberOf<std::uint64_t>(line);
    if (!flags || !bytes || !cas) {
        refuse(whole);
    }
    if (*bytes > maxValueBytes_) {
        throw ProtocolError("memcached: a value of " + std::to_string(*bytes) +
                            " bytes, more than " + std::to_string(maxValueBytes_) +
                            " (MemCacheProtocol::setMaxValueBytes)");
    }
    item_ = Item{{}, *flags, *cas};
    left_ = *bytes + kEnd.size();
    setRawMode();
}

void MemCacheProtocol::rawDataReceived(std::span<const std::byte> data) {
    resetTimeout();
    const std::span<const std::byte> ours = data.first(std::min(left_, data.size()));
    item_.value += asText(ours);
    left_ -= ours.size();
    if (left_ > 0) {
        return;
    }
    if (!item_.value.ends_with(kEnd)) {
        throw ProtocolError("memcached: a value does not end where its length says");
    }
    item_.value.resize(item_.value.size() - kEnd.size());
    items_.insert_or_assign(std::move(key_), std::move(item_));
    setLineMode(data.subspan(ours.size()));
}

void MemCacheProtocol::lineLengthExceeded(std::string_view data) { refuse(data); }

/// The answer has come whole.
void MemCacheProtocol::finish(std::string_view line, const Failure* why) {
    Answered answered = std::move(waiting_.front());
    waiting_.pop_front();
    setTimeout(waiting_.empty() ? std::nullopt : std::optional(silence_));
    std::map<std::string, Item> items = std::exchange(items_, {});
    std::map<std::string, std::string> stats = std::exchange(stats_, {});
    const Answer answer{line, items, stats};
    try {
        answered(why == nullptr ? &answer : nullptr, why);
    } catch (...) {
        const Failure wrong = Failure::current();
        answered(nullptr, &wrong);
        throw;
    }
}

void MemCacheProtocol::timeoutConnection() {
    lost_ = Failure::make<TimeoutError>("memcached did not answer in time (MemCacheProtocol)");
    transport()->abortConnection();
}

void MemCacheProtocol::connectionLost(const Failure& reason) {
    if (!lost_) {
        lost_ = reason;
    }
    const Failure why = *lost_;
    TimeoutMixin::connectionLost(reason);
    for (Answered& answered : std::exchange(waiting_, {})) {
        answered(nullptr, &why);
    }
}

}  // namespace marline::memcache
